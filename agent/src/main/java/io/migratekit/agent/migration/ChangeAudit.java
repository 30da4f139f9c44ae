package io.migratekit.agent.migration;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.HashFormatException;
import io.migratekit.nbd.proof.KnownCells;
import io.migratekit.nbd.proof.UnitHasher;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;

/**
 * Does a disk still hold what it must hold where nothing is said to have changed? A sample of cells is read again and
 * compared with what was hashed when they were copied: at the source that shows whether change tracking tells the
 * truth, at the target whether it is still the one that was written.
 */
final class ChangeAudit {
    /** So many times the sample are drawn: of some cells nothing is known. */
    private static final int DRAWN = 8;

    private static final int TRIES = 8;

    private final List<HashEntry> sample;
    private final long diskBytes;
    private final long seed;

    /**
     * What came of looking.
     *
     * @param compared so many pieces
     * @param different where those begin that are not what they were
     */
    record Result(int compared, List<Long> different, long seed) {
        boolean isFine() {
            return different.isEmpty();
        }

        String words() {
            return (isFine() ? "" : different.size() + " of ")
                    + compared
                    + " pieces of up to 1 MiB that are said to be unchanged"
                    + (isFine() ? " were compared" : " differ, the first at offset " + different.getFirst())
                    + ", seed " + seed;
        }
    }

    private ChangeAudit(List<HashEntry> sample, long diskBytes, long seed) throws NotPossible {
        if (sample.isEmpty()) {
            throw new NotPossible("there is no whole MiB of which all is known and nothing has changed");
        }
        this.sample = sample.stream()
                .sorted(Comparator.comparingLong(HashEntry::offset))
                .toList();
        this.diskBytes = diskBytes;
        this.seed = seed;
    }

    /** It cannot be done; the message says why. */
    static class NotPossible extends Exception {
        private static final long serialVersionUID = 1L;

        NotPossible(String message) {
            super(message, null, false, false);
        }
    }

    /** There should be hashes to compare with, but they are lost or damaged. */
    static final class HashesLost extends NotPossible {
        private static final long serialVersionUID = 1L;

        HashesLost(RuntimeException cause) {
            super(String.valueOf(cause.getMessage()));
        }
    }

    /**
     * Draws the sample from all of the disk.
     *
     * @param changed what is said to have changed since the milestone
     */
    static ChangeAudit ofDisk(Milestone milestone, Ranges changed, int most, long seed) throws NotPossible {
        List<Path> files = hashes(milestone);
        long diskBytes = milestone.moment().capacityBytes();
        List<Long> drawn = draw(diskBytes, changed, most, new Random(seed));
        try {
            KnownCells known = KnownCells.of(files, diskBytes, drawn);
            List<HashEntry> sample = drawn.stream()
                    .map(known::of)
                    .filter(Objects::nonNull)
                    .limit(most)
                    .toList();
            return new ChangeAudit(sample, diskBytes, seed);
        } catch (HashFormatException | UncheckedIOException e) {
            throw new HashesLost(e);
        }
    }

    /**
     * Draws the sample from what was copied last: no earlier state of the target has that. If nothing was copied then,
     * or all of it has changed again, from what was copied before that.
     */
    static ChangeAudit ofNewest(Milestone milestone, Ranges changed, int most, long seed) throws NotPossible {
        long diskBytes = milestone.moment().capacityBytes();
        Random random = new Random(seed);
        Ranges later = changed;
        try {
            for (Path file : hashes(milestone).reversed()) {
                Ranges useless = later;
                List<HashEntry> sample = KnownCells.some(
                        file,
                        diskBytes,
                        most,
                        random,
                        one -> !useless.intersects(one.offset(), one.offset() + length(one, diskBytes)));
                if (!sample.isEmpty()) {
                    return new ChangeAudit(sample, diskBytes, seed);
                }
                later = later.and(KnownCells.parts(file, diskBytes));
            }
        } catch (HashFormatException | UncheckedIOException e) {
            throw new HashesLost(e);
        }
        throw new NotPossible("all that is known has changed since");
    }

    private static List<Path> hashes(Milestone milestone) throws NotPossible {
        if (milestone.hashes().isEmpty()) {
            throw new NotPossible("the last backup of it was made without hashes");
        }
        return milestone.hashes();
    }

    private static int length(HashEntry one, long diskBytes) {
        return switch (one) {
            case HashEntry.Cells cells -> Grid.cellLength(cells.firstCell(), diskBytes);
            case HashEntry.ZeroCells cells -> Grid.cellLength(cells.firstCell(), diskBytes);
            case HashEntry.Piece piece -> piece.length();
            case HashEntry.ZeroPiece piece -> piece.length();
        };
    }

    private static List<Long> draw(long diskBytes, Ranges changed, int most, Random random) {
        long count = Grid.cells(diskBytes);
        List<Long> cells = new ArrayList<>();
        if (count <= (long) DRAWN * TRIES * most) {
            for (long cell = 0; cell < count; cell++) {
                if (isUntouched(cell, diskBytes, changed)) {
                    cells.add(cell);
                }
            }
            Collections.shuffle(cells, random);
            return cells;
        }
        LinkedHashSet<Long> drawn = new LinkedHashSet<>();
        for (int i = 0; i < DRAWN * TRIES * most && drawn.size() < DRAWN * most; i++) {
            long cell = random.nextLong(count);
            if (isUntouched(cell, diskBytes, changed)) {
                drawn.add(cell);
            }
        }
        return List.copyOf(drawn);
    }

    private static boolean isUntouched(long cell, long diskBytes, Ranges changed) {
        long start = cell * Grid.CELL_BYTES;
        return !changed.intersects(start, start + Grid.cellLength(cell, diskBytes));
    }

    /** Reads the sample from an export and compares; it ends early when the time is over, with what was read by then. */
    Result compare(NbdUri uri, ConnectSpec connect, Deadline deadline) throws NotPossible {
        List<Long> different = new ArrayList<>();
        int compared = 0;
        ConnectSpec spec = connect.withPurpose("audit").withContexts(List.of());
        try (NbdConnection connection = NbdConnection.open(uri, spec);
                Arena arena = Arena.ofConfined()) {
            if (connection.info().sizeBytes() < diskBytes) {
                throw new NotPossible(uri + " has " + connection.info().sizeBytes() + " bytes, not " + diskBytes);
            }
            MemorySegment buffer = arena.allocate(Grid.CELL_BYTES);
            PieceHash pieceHash = new PieceHash();
            for (HashEntry expected : sample) {
                if (deadline.isOver()) {
                    break;
                }
                MemorySegment bytes = buffer.asSlice(0, length(expected, diskBytes));
                connection.await(connection.read(bytes, expected.offset()));
                if (!content(expected.offset(), bytes, pieceHash).equals(expected)) {
                    different.add(expected.offset());
                }
                compared++;
            }
            return new Result(compared, different, seed);
        } catch (NbdException.Cancelled e) {
            throw new MigrationException.Interrupted("stopped");
        } catch (NbdException e) {
            throw new NotPossible(e.getMessage());
        }
    }

    private HashEntry content(long offset, MemorySegment bytes, PieceHash pieceHash) {
        ByteRange range = new ByteRange(offset, bytes.byteSize());
        UnitHasher hasher = new UnitHasher(new Unit(0, List.of(range)), diskBytes, pieceHash);
        var _ = hasher.data(offset, bytes);
        return hasher.finish().entries().getFirst();
    }
}
