package io.migratekit.agent.plan;

import io.migratekit.nbd.ByteRange;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * Into which requests is a range cut? At the multiples of the request size, counted from the disk's
 * beginning, so that all requests but the first and the last of a range are whole and aligned.
 */
public final class Pieces implements Iterable<ByteRange> {
    private final ByteRange range;
    private final long requestBytes;

    private Pieces(ByteRange range, long requestBytes) {
        this.range = range;
        this.requestBytes = requestBytes;
    }

    /**
     * The pieces of a range, ascending.
     *
     * @param requestBytes the longest piece: a power of two
     */
    public static Pieces of(ByteRange range, long requestBytes) {
        if (Long.bitCount(requestBytes) != 1 || requestBytes <= 0) {
            throw new IllegalArgumentException("the size of a request is a power of two, not " + requestBytes);
        }
        return new Pieces(range, requestBytes);
    }

    /**
     * The same for a server with a minimum block: no cut lies inside a block. (The borders of the range
     * itself may, and it is up to the caller to widen the request to the block.)
     */
    public static Pieces of(ByteRange range, long requestBytes, long minimumBlock) {
        if (minimumBlock <= 0 || requestBytes % minimumBlock != 0) {
            throw new IllegalArgumentException("requests of " + requestBytes
                    + " bytes are not whole blocks of the server, which have " + minimumBlock + " bytes");
        }
        return of(range, requestBytes);
    }

    public long count() {
        return (range.end() - 1) / requestBytes - range.offset() / requestBytes + 1;
    }

    @Override
    public Iterator<ByteRange> iterator() {
        return new Iterator<>() {
            private long position = range.offset();

            @Override
            public boolean hasNext() {
                return position < range.end();
            }

            @Override
            public ByteRange next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                long toCut = requestBytes - (position & (requestBytes - 1));
                ByteRange piece = new ByteRange(position, Math.min(toCut, range.end() - position));
                position = piece.end();
                return piece;
            }
        };
    }
}
