package io.migratekit.hub.repository;

import io.migratekit.nbd.proof.Grid;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which cells are wrong, and who is to blame? */
final class CellMarks {
    private static final int MOST = 100;

    private final String layer;
    private final LayerCheck.@Nullable Found under;
    private final BitSet wrong = new BitSet();
    private final BitSet blamed = new BitSet();
    private final BitSet unread = new BitSet();
    private String whyUnread = "";

    CellMarks(String layer, LayerCheck.@Nullable Found under) {
        this.layer = layer;
        this.under = under;
    }

    BitSet all() {
        return wrong;
    }

    private boolean isWrongBelow(int cell) {
        return under != null && under.wrong().get(cell);
    }

    void wrong(long cell) {
        wrong.set((int) cell);
        if (!isWrongBelow((int) cell)) {
            blamed.set((int) cell);
        }
    }

    void unreadable(long cell, String why) {
        wrong.set((int) cell);
        if (!isWrongBelow((int) cell)) {
            unread.set((int) cell);
            whyUnread = why;
        }
    }

    void asBelow(long cell) {
        if (isWrongBelow((int) cell)) {
            wrong.set((int) cell);
        }
    }

    List<Damage> damage() {
        List<Damage> all = new ArrayList<>();
        if (under != null) {
            under.damage().stream().filter(this::isFelt).forEach(all::add);
        }
        stretches(blamed, "what is read there is not what was sealed", all);
        stretches(unread, "it cannot be read there: " + whyUnread, all);
        return all;
    }

    private boolean isFelt(Damage below) {
        if (below.isWhole()) {
            return false;
        }
        int first = (int) (below.offset() / Grid.CELL_BYTES);
        int felt = wrong.nextSetBit(first);
        return felt >= 0 && (long) felt * Grid.CELL_BYTES < below.offset() + below.length();
    }

    /** Neighbours are one; from the hundredth on, all are one. */
    private void stretches(BitSet cells, String what, List<Damage> all) {
        int told = 0;
        for (int cell = cells.nextSetBit(0); cell >= 0; ) {
            int end = ++told < MOST ? cells.nextClearBit(cell) : cells.length();
            int count = cells.get(cell, end).cardinality();
            all.add(new Damage(
                    layer,
                    (long) cell * Grid.CELL_BYTES,
                    (long) (end - cell) * Grid.CELL_BYTES,
                    count == end - cell ? what : what + " (in " + count + " MiB of this)"));
            cell = cells.nextSetBit(end);
        }
    }
}
