package io.migratekit.nbd;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * How does one metadata context describe a range of the disk? Asks lazily, piece by piece, with a
 * few questions ahead, and yields extents in order and without gaps; neighbours with the same flags
 * are one extent. Memory stays bounded, whatever the size of the disk.
 *
 * <p>A server may answer less than was asked (at least one extent), and its last extent may reach
 * beyond the question. Any such answer is accepted; one that brings no progress is an error.
 */
public final class ExtentMap implements Iterator<Extent> {
    /** Questions under way at once: hides the round trip, and keeps a slow server from being flooded. */
    private static final int AHEAD = 4;

    private final NbdConnection connection;
    private final String context;
    private final ArrayDeque<Piece> pieces = new ArrayDeque<>(AHEAD);
    private final long end;
    private long nextPiece;
    private @Nullable Extent pending;

    /** A range of the disk being asked for: answered up to {@code position}. */
    private static final class Piece {
        private final long end;
        private long position;
        private @Nullable Request request;
        private long[] pairs = {};
        private int next;

        Piece(long start, long end) {
            this.position = start;
            this.end = end;
        }
    }

    private ExtentMap(NbdConnection connection, String context, long offset, long end) {
        this.connection = connection;
        this.context = context;
        this.nextPiece = offset;
        this.end = end;
    }

    /** The extents of the whole export. */
    public static ExtentMap of(NbdConnection connection, String context) {
        requireContext(connection, context);
        return new ExtentMap(connection, context, 0, connection.info().sizeBytes());
    }

    /** The extents of a range, cut to it exactly. */
    public static ExtentMap of(NbdConnection connection, String context, ByteRange range) {
        if (range.end() > connection.info().sizeBytes()) {
            throw new IllegalArgumentException(range + " reaches beyond the disk");
        }
        requireContext(connection, context);
        return new ExtentMap(connection, context, range.offset(), range.end());
    }

    /** Throws {@link NbdException.Unsupported} unless the server reports block status in this context. */
    public static void requireContext(NbdConnection connection, String context) {
        if (!connection.hasContext(context)) {
            throw new NbdException.Unsupported(
                    connection.uri() + ": the server does not support the metadata context \"" + context
                            + "\". `migratekit info` lists the contexts of an export.");
        }
    }

    @Override
    public boolean hasNext() {
        if (pending == null) {
            pending = nextPart();
        }
        return pending != null;
    }

    @Override
    public Extent next() {
        if (pending == null) {
            pending = nextPart();
        }
        while (pending != null) {
            Extent whole = pending;
            Extent part = nextPart();
            if (part == null || part.flags() != whole.flags()) {
                pending = part;
                return whole;
            }
            // Kept at once: should the next question fail, a caller that goes on must not lose this part.
            pending = new Extent(whole.offset(), whole.length() + part.length(), whole.flags());
        }
        throw new NoSuchElementException();
    }

    /** The next extent as the server sent it, cut to its piece; null behind the last one. */
    private @Nullable Extent nextPart() {
        askAhead();
        Piece head = pieces.peek();
        if (head == null) {
            return null;
        }
        if (head.next >= head.pairs.length) {
            receive(head);
        }
        long length = Math.min(head.pairs[head.next], head.end - head.position);
        Extent part = new Extent(head.position, length, head.pairs[head.next + 1]);
        head.next += 2;
        head.position += length;
        if (head.position == head.end) {
            pieces.remove();
        }
        return part;
    }

    private void askAhead() {
        while (pieces.size() < AHEAD && nextPiece < end) {
            Piece piece = new Piece(nextPiece, nextPiece + Math.min(end - nextPiece, largestPiece()));
            ask(piece);
            pieces.add(piece);
            nextPiece = piece.end;
        }
    }

    private long largestPiece() {
        long alignment = connection.info().requestAlignment();
        return connection.largestStatusRange() / alignment * alignment;
    }

    private void ask(Piece piece) {
        piece.request = connection.blockStatusWidened(piece.position, piece.end);
    }

    private void receive(Piece piece) {
        Request request = piece.request;
        if (request == null) {
            ask(piece);
            request = piece.request;
        }
        if (request == null) {
            throw new IllegalStateException("a piece that was not asked for");
        }
        piece.request = null; // Whoever goes on after a failure asks again.
        connection.await(request);
        piece.pairs = StatusReply.from(connection, request, context, piece.position);
        piece.next = 0;
    }
}
