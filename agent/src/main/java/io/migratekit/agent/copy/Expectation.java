package io.migratekit.agent.copy;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.CellList;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.UnitHashes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which hashes must a unit have when it was read? As a hash file says; units are asked for in ascending order. */
final class Expectation implements AutoCloseable {
    private final @Nullable CellList list;

    Expectation(CopySpec spec) {
        list = spec.proof().map(proof -> new CellList(proof.hashes())).orElse(null);
    }

    void requireFits(CopySpec spec, Copier.Found found) {
        if (list != null && list.file().diskBytes() != found.source().sizeBytes()) {
            throw new CopyException.Refused(spec.source() + ": the source has "
                    + found.source().sizeBytes() + " bytes, but its hashes are those of a disk of "
                    + list.file().diskBytes());
        }
    }

    Optional<UnitHashes> of(Unit unit) {
        if (list == null) {
            return Optional.empty();
        }
        List<HashEntry> all = new ArrayList<>();
        for (ByteRange range : unit.ranges()) {
            if (range.offset() % Grid.CELL_BYTES != 0
                    || (range.end() % Grid.CELL_BYTES != 0
                            && range.end() != list.file().diskBytes())) {
                throw new IllegalArgumentException("not made of whole cells, so it cannot be proved: " + range);
            }
            for (long cell = range.offset() / Grid.CELL_BYTES; cell * Grid.CELL_BYTES < range.end(); cell++) {
                all.addAll(list.of(cell));
            }
        }
        return Optional.of(UnitHashes.of(unit.index(), all));
    }

    @Override
    public void close() {
        if (list != null) {
            list.close();
        }
    }
}
