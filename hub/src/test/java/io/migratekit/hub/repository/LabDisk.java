package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileWriter;
import io.migratekit.nbd.proof.UnitHasher;
import io.migratekit.nbd.proof.UnitHashes;
import io.migratekit.nbd.server.QemuNbd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;

/** What does one open layer hold, and what was written of it? Written through a real export, remembered byte by byte. */
final class LabDisk {
    private static final int CLUSTER = 64 << 10;

    private final String layer;
    private final byte[] content;
    private final BitSet written = new BitSet();

    /** A full one is new everywhere, written to or not. */
    LabDisk(String layer, byte[] content, boolean isFull) {
        this.layer = layer;
        this.content = content;
        written.set(0, content.length, isFull);
    }

    String layer() {
        return layer;
    }

    byte[] content() {
        return content;
    }

    void write(Path repository, Random random, int times) {
        write(repository, (connection, arena) -> {
            for (int i = 0; i < times; i++) {
                connection.await(once(connection, arena, random));
            }
        });
    }

    /** Writes data that is not zero all over a range. */
    void writeAll(Path repository, Random random, int offset, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        put(offset, bytes);
        write(
                repository,
                (connection, arena) ->
                        connection.await(connection.write(segment(arena, bytes, 0, length), offset, false)));
    }

    private void write(Path repository, BiConsumer<NbdConnection, Arena> requests) {
        try (QemuNbd server = QemuNbd.of(repository.resolve(layer), QemuNbd.Format.QCOW2, 2)
                        .discard(QemuNbd.Discard.UNMAP)
                        .detectZeroes(QemuNbd.DetectZeroes.UNMAP)
                        .start();
                NbdConnection connection = NbdConnection.open(NbdUri.parse(server.uri()), ConnectSpec.of("lab"));
                Arena arena = Arena.ofConfined()) {
            requests.accept(connection, arena);
            connection.await(connection.flush());
        }
    }

    private Request once(NbdConnection connection, Arena arena, Random random) {
        int offset = random.nextInt(content.length);
        int length = 1 + random.nextInt(Math.min(content.length - offset, 1 << (9 + random.nextInt(13))));
        byte[] bytes = new byte[length];
        return switch (random.nextInt(8)) {
            case 0 -> {
                put(offset, bytes);
                yield connection.zero(offset, length, random.nextBoolean());
            }
            case 1 -> {
                // Only whole clusters are sure to be zero after a trim.
                int first = offset / CLUSTER;
                int count = Math.min(1 + random.nextInt(4), content.length / CLUSTER - first);
                put(first * CLUSTER, new byte[Math.max(0, count) * CLUSTER]);
                yield count > 0 ? connection.trim((long) first * CLUSTER, (long) count * CLUSTER) : connection.flush();
            }
            default -> {
                // Some of what is written is zero, and some is what was there before.
                if (random.nextInt(6) == 0) {
                    System.arraycopy(content, offset, bytes, 0, length);
                } else if (random.nextInt(6) > 0) {
                    random.nextBytes(bytes);
                }
                put(offset, bytes);
                yield connection.write(segment(arena, bytes, 0, length), offset, false);
            }
        };
    }

    private void put(int offset, byte[] bytes) {
        System.arraycopy(bytes, 0, content, offset, bytes.length);
        written.set(offset, offset + bytes.length);
    }

    private static MemorySegment segment(Arena arena, byte[] bytes, int offset, int length) {
        MemorySegment segment = arena.allocate(length);
        MemorySegment.copy(bytes, offset, segment, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, length);
        return segment;
    }

    /** A copy's hashes of what was written; gives their root. */
    String hashes(Path into) {
        try (HashFileWriter writer = HashFile.create(into, content.length)) {
            units(content, written).forEach(writer::add);
            return writer.commit();
        }
    }

    /** The root of a disk with this content. */
    static String root(byte[] content) {
        BitSet all = new BitSet();
        all.set(0, content.length);
        return HashFile.rootHex(content.length, units(content, all).iterator());
    }

    private static List<UnitHashes> units(byte[] content, BitSet written) {
        List<UnitHashes> units = new ArrayList<>();
        for (long cell = 0; cell < Grid.cells(content.length); cell++) {
            int end = (int) Math.min(content.length, (cell + 1) * Grid.CELL_BYTES);
            List<ByteRange> ranges = new ArrayList<>();
            for (int from = written.nextSetBit((int) (cell * Grid.CELL_BYTES));
                    from >= 0 && from < end;
                    from = written.nextSetBit(Math.toIntExact(ranges.getLast().end()))) {
                ranges.add(new ByteRange(from, Math.min(end, written.nextClearBit(from)) - from));
            }
            if (!ranges.isEmpty()) {
                units.add(unit(content, cell, ranges));
            }
        }
        return units;
    }

    private static UnitHashes unit(byte[] content, long cell, List<ByteRange> ranges) {
        try (Arena arena = Arena.ofConfined()) {
            UnitHasher hasher = new UnitHasher(new Unit(cell, ranges), content.length, new PieceHash());
            for (ByteRange range : ranges) {
                hasher.data(range.offset(), segment(arena, content, (int) range.offset(), (int) range.length()));
            }
            return hasher.finish();
        }
    }
}
