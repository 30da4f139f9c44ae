package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.ExtentMap;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.server.QemuNbd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What do the cells of a layer read as, through its chain? Asked for ahead of their turn, several at once, taken in order. */
final class Image implements AutoCloseable {
    private static final int AHEAD = 8;
    private static final String DEPTH = "qemu:allocation-depth";
    private static final long TOP = 1;

    private final Arena arena = Arena.ofConfined();
    private final Deque<MemorySegment> free = new ArrayDeque<>();
    private final Deque<Asked> asked = new ArrayDeque<>();
    private final QemuNbd server;
    private final NbdConnection connection;
    private final ExtentMap depths;
    private @Nullable Extent depth;
    private @Nullable MemorySegment shown;

    private record Asked(Request request, MemorySegment buffer, ByteRange range) {}

    Image(Path file) {
        server = QemuNbd.of(file, QemuNbd.Format.QCOW2, 1)
                .readOnly()
                .allocationDepth()
                .start();
        try {
            connection = NbdConnection.open(
                    NbdUri.parse(server.uri()), ConnectSpec.of("proof").withContexts(List.of(DEPTH)));
            depths = ExtentMap.of(connection, DEPTH);
        } catch (RuntimeException | Error e) {
            server.close();
            arena.close();
            throw e;
        }
        for (int i = 0; i <= AHEAD; i++) {
            free.add(arena.allocate(Grid.CELL_BYTES));
        }
    }

    /** Whether the layer itself holds anything of a range, data or zeroes. Ranges are to come in order. */
    boolean holds(ByteRange range) {
        return holds(range, TOP);
    }

    /** Whether one of so many layers does, of which this is the first. */
    boolean holds(ByteRange range, long layers) {
        while (true) {
            Extent extent = depth == null ? depths.next() : depth;
            depth = extent;
            if (extent.end() > range.offset() && extent.flags() >= TOP && extent.flags() <= layers) {
                return extent.offset() < range.end();
            }
            if (extent.end() >= range.end()) {
                return false;
            }
            depth = null;
        }
    }

    /** How deep in the chain the layers are from which a range is read: 1 is the layer itself, 0 says that none holds it. */
    SortedSet<Long> depths(ByteRange range) {
        SortedSet<Long> all = new TreeSet<>();
        ExtentMap.of(connection, DEPTH, range).forEachRemaining(extent -> all.add(extent.flags()));
        return all;
    }

    /** So many bytes of the disk the layer itself holds, data or zeroes; nothing is read for that. */
    static long heldBytes(Path file) {
        try (Image image = new Image(file)) {
            long held = 0;
            while (image.depths.hasNext()) {
                Extent extent = image.depths.next();
                held += extent.flags() == TOP ? extent.length() : 0;
            }
            return held;
        }
    }

    boolean mayAsk() {
        return asked.size() < AHEAD;
    }

    void ask(ByteRange range) {
        MemorySegment buffer = free.remove();
        asked.add(new Asked(connection.read(buffer.asSlice(0, range.length()), range.offset()), buffer, range));
    }

    /** What was asked for first of all that was not taken yet; to be used until the next one is taken. */
    MemorySegment take() {
        MemorySegment before = shown;
        if (before != null) {
            free.add(before);
        }
        Asked next = asked.remove();
        shown = next.buffer(); // Also if it cannot be read: the next one can.
        connection.await(next.request());
        return next.buffer().asSlice(0, next.range().length());
    }

    @Override
    public void close() {
        connection.close();
        server.close();
        arena.close();
    }
}
