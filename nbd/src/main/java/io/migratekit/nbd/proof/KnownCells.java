package io.migratekit.nbd.proof;

import io.migratekit.nbd.ByteRange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What must a disk hold, going by the hash files of a full copy and of all that was copied since? Only cells are known
 * of which the newest file that speaks of them has all: one that has a part of a cell makes what was known of the rest
 * useless.
 */
public final class KnownCells {
    private final NavigableSet<Long> wanted;
    private final TreeMap<Long, HashEntry> known = new TreeMap<>();

    private KnownCells(Iterable<Long> cells) {
        wanted = new TreeSet<>();
        cells.forEach(wanted::add);
    }

    /**
     * Reads the files through, one record at a time.
     *
     * @param files oldest first
     * @param cells of these something is to be known
     * @throws HashFormatException if a file is damaged or speaks of a disk of another size
     * @throws java.io.UncheckedIOException if a file cannot be read
     */
    public static KnownCells of(List<Path> files, long diskBytes, Iterable<Long> cells) {
        KnownCells result = new KnownCells(cells);
        for (Path file : files) {
            try (HashFileReader reader = open(file, diskBytes)) {
                for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
                    result.take(entry);
                }
            }
        }
        return result;
    }

    /**
     * Some of what a single file says, chosen by chance, each one cell or piece; of zeroes only if there is nothing
     * else.
     */
    public static List<HashEntry> some(
            Path file, long diskBytes, int most, Random random, Predicate<HashEntry> wanted) {
        List<HashEntry> data = new ArrayList<>();
        List<HashEntry> zeroes = new ArrayList<>();
        long seen = 0;
        try (HashFileReader reader = open(file, diskBytes)) {
            for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
                for (HashEntry one : single(entry)) {
                    if (!wanted.test(one)) {
                        continue;
                    }
                    boolean isZero = one instanceof HashEntry.ZeroCells || one instanceof HashEntry.ZeroPiece;
                    keep(isZero ? zeroes : data, one, most, random, ++seen);
                }
            }
        }
        return data.isEmpty() ? zeroes : data;
    }

    /** Of which parts of the disk a single file says anything. */
    public static List<ByteRange> parts(Path file, long diskBytes) {
        List<ByteRange> parts = new ArrayList<>();
        try (HashFileReader reader = open(file, diskBytes)) {
            for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
                parts.add(
                        switch (entry) {
                            case HashEntry.Cells cells ->
                                cells(cells.firstCell(), cells.hashes().size(), diskBytes);
                            case HashEntry.ZeroCells cells -> cells(cells.firstCell(), cells.count(), diskBytes);
                            case HashEntry.Piece piece -> new ByteRange(piece.offset(), piece.length());
                            case HashEntry.ZeroPiece piece -> new ByteRange(piece.offset(), piece.length());
                        });
            }
        }
        return parts;
    }

    private static ByteRange cells(long first, long count, long diskBytes) {
        long start = first * Grid.CELL_BYTES;
        return new ByteRange(start, Math.min(count * Grid.CELL_BYTES, diskBytes - start));
    }

    /** Each one of those that were seen is kept with the same chance, or nearly so. */
    private static void keep(List<HashEntry> kept, HashEntry one, int most, Random random, long seen) {
        if (kept.size() < most) {
            kept.add(one);
        } else if (random.nextLong(seen) < most) {
            kept.set(random.nextInt(most), one);
        }
    }

    private static List<HashEntry> single(HashEntry entry) {
        return switch (entry) {
            case HashEntry.Cells cells -> {
                List<HashEntry> all = new ArrayList<>();
                for (int i = 0; i < cells.hashes().size(); i++) {
                    all.add(new HashEntry.Cells(
                            cells.firstCell() + i, List.of(cells.hashes().get(i))));
                }
                yield all;
            }
            // One stands for the whole stretch, which may be terabytes long.
            case HashEntry.ZeroCells cells -> List.of(new HashEntry.ZeroCells(cells.firstCell(), 1));
            case HashEntry.Piece piece -> List.of(piece);
            case HashEntry.ZeroPiece piece -> List.of(piece);
        };
    }

    private static HashFileReader open(Path file, long diskBytes) {
        HashFileReader reader = HashFile.open(file);
        if (reader.diskBytes() != diskBytes) {
            reader.close();
            throw new HashFormatException(
                    file + " speaks of a disk of " + reader.diskBytes() + " bytes, not of " + diskBytes);
        }
        return reader;
    }

    private void take(HashEntry entry) {
        switch (entry) {
            case HashEntry.Cells cells -> {
                long first = cells.firstCell();
                for (long cell : wanted.subSet(first, first + cells.hashes().size())) {
                    known.put(
                            cell,
                            new HashEntry.Cells(cell, List.of(cells.hashes().get((int) (cell - first)))));
                }
            }
            case HashEntry.ZeroCells cells ->
                wanted.subSet(cells.firstCell(), cells.firstCell() + cells.count())
                        .forEach(cell -> known.put(cell, new HashEntry.ZeroCells(cell, 1)));
            case HashEntry.Piece piece -> known.remove(Grid.cellOf(piece.offset()));
            case HashEntry.ZeroPiece piece -> known.remove(Grid.cellOf(piece.offset()));
        }
    }

    /** What the cell holds, if that is known: one cell, or one cell of zeroes. */
    public @Nullable HashEntry of(long cell) {
        return known.get(cell);
    }
}
