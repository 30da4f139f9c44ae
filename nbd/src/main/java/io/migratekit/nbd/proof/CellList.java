package io.migratekit.nbd.proof;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does a hash file say of one cell after the other? Read as a stream; the cells are asked for in order. */
public final class CellList implements AutoCloseable {
    private final HashFileReader reader;
    private @Nullable HashEntry entry;

    public CellList(Path file) {
        reader = HashFile.open(file);
        entry = reader.next();
    }

    public HashFileReader file() {
        return reader;
    }

    /** The cell's hash alone, or its pieces, or nothing. */
    public List<HashEntry> of(long cell) {
        List<HashEntry> found = new ArrayList<>();
        long end = (cell + 1) * Grid.CELL_BYTES;
        for (HashEntry now = entry; now != null && now.offset() < end; ) {
            switch (now) {
                case HashEntry.Cells cells -> {
                    int index = (int) (cell - cells.firstCell());
                    if (index < cells.hashes().size()) {
                        return List.of(
                                new HashEntry.Cells(cell, List.of(cells.hashes().get(index))));
                    }
                }
                case HashEntry.ZeroCells cells -> {
                    if (cell < cells.firstCell() + cells.count()) {
                        return List.of(new HashEntry.ZeroCells(cell, 1));
                    }
                }
                case HashEntry.Piece piece -> found.add(piece);
                case HashEntry.ZeroPiece piece -> found.add(piece);
            }
            now = reader.next();
            entry = now;
        }
        return found;
    }

    @Override
    public void close() {
        reader.close();
    }
}
