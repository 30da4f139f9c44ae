package io.migratekit.agent.restore;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.proof.CellList;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashFormatException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What was sealed, and is what came that? A restore point's list of hashes, checked against the root that its record names. */
public record ProvedContent(Path hashes, String root, long diskBytes) {
    /** Believes no list but the one of this content. */
    public static ProvedContent of(Path hashes, String root) {
        try (CellList list = new CellList(hashes)) {
            String has = list.file().rootHex();
            if (!has.equals(root)) {
                throw new RestoreException.NotWhatWasSealed("the hashes that came are not those of the content " + root
                        + ", but of " + has + "; `migratekit hub verify` says what is wrong");
            }
            return new ProvedContent(hashes, root, list.file().diskBytes());
        } catch (HashFormatException | UncheckedIOException e) {
            throw new RestoreException.NotWhatWasSealed(
                    "the hashes of the restore point cannot be used, so nothing of it could be proved: "
                            + e.getMessage() + "; `migratekit hub verify` says what is wrong");
        }
    }

    /** Where other content has other hashes; neighbours are one. */
    public List<ByteRange> differences(Path others) {
        List<ByteRange> all = new ArrayList<>();
        try (CellList ours = new CellList(hashes);
                CellList theirs = new CellList(others)) {
            for (long cell = 0; cell < Grid.cells(diskBytes); cell++) {
                if (!ours.of(cell).equals(theirs.of(cell))) {
                    long offset = cell * Grid.CELL_BYTES;
                    long end = offset + Grid.cellLength(cell, diskBytes);
                    long begin = !all.isEmpty() && all.getLast().end() == offset
                            ? all.removeLast().offset()
                            : offset;
                    all.add(new ByteRange(begin, end - begin));
                }
            }
        }
        return all;
    }
}
