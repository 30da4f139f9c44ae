package io.migratekit.agent.copy;

import io.migratekit.nbd.ByteRange;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * What can still be read of a piece that cannot be read as a whole? Its halves are tried one after the other, and their halves,
 * until only sectors that are really gone are left out.
 */
final class Salvage {
    /** What cannot be read is told apart in sectors as most disks have them. */
    private static final long SECTOR_BYTES = 4096;

    private final long smallest;
    private final Deque<ByteRange> parts = new ArrayDeque<>();
    private long lostBytes;

    /**
     * The piece as a whole comes first.
     *
     * @param alignment of what may be asked for
     */
    Salvage(ByteRange piece, long alignment) {
        smallest = Math.max(SECTOR_BYTES, alignment);
        parts.add(piece);
    }

    /** The part to be read next; empty when there is none left. */
    Optional<ByteRange> part() {
        return Optional.ofNullable(parts.peek());
    }

    /** The part was read. */
    void read() {
        parts.remove();
    }

    /** The part cannot be read: it is gone, if it is returned, or else its halves come next. */
    Optional<ByteRange> failed() {
        ByteRange part = parts.remove();
        if (part.length() <= smallest) {
            lostBytes += part.length();
            return Optional.of(part);
        }
        long half = part.length() / 2;
        long cut = Math.max(smallest, half - half % smallest);
        parts.addFirst(new ByteRange(part.offset() + cut, part.length() - cut));
        parts.addFirst(new ByteRange(part.offset(), cut));
        return Optional.empty();
    }

    long lostBytes() {
        return lostBytes;
    }
}
