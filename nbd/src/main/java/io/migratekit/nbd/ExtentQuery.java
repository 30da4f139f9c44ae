package io.migratekit.nbd;

import java.util.ArrayList;
import java.util.List;

/**
 * How does one metadata context describe a range, asked without waiting? For a caller that has other
 * requests under way on the connection. Holds the whole answer, so the range should be modest.
 */
public final class ExtentQuery {
    private final NbdConnection connection;
    private final String context;
    private final ByteRange range;
    private final List<Extent> extents = new ArrayList<>();
    private long position;
    private Request request;

    /** Asks at once. The request's tag is this query. */
    public ExtentQuery(NbdConnection connection, String context, ByteRange range) {
        this.connection = connection;
        this.context = context;
        this.range = range;
        this.position = range.offset();
        this.request = ask();
    }

    /**
     * Takes in the answer to {@link #request}, which must be done. True when the whole range is
     * described; otherwise the server answered less than was asked, and a new request is under way.
     */
    public boolean advance() {
        NbdException failure = request.failure();
        if (failure != null) {
            throw failure;
        }
        long[] pairs = StatusReply.from(connection, request, context, position);
        for (int i = 0; i + 1 < pairs.length && position < range.end(); i += 2) {
            add(Math.min(pairs[i], range.end() - position), pairs[i + 1]);
        }
        if (position == range.end()) {
            return true;
        }
        request = ask();
        return false;
    }

    /** The question under way, or the last one. */
    public Request request() {
        return request;
    }

    public ByteRange range() {
        return range;
    }

    /** What is known so far, in order; neighbours with the same flags are one extent. */
    public List<Extent> extents() {
        return extents;
    }

    private void add(long length, long flags) {
        if (!extents.isEmpty() && extents.getLast().flags() == flags) {
            Extent last = extents.getLast();
            extents.set(extents.size() - 1, new Extent(last.offset(), last.length() + length, flags));
        } else {
            extents.add(new Extent(position, length, flags));
        }
        position += length;
    }

    private Request ask() {
        return connection.blockStatusWidened(position, range.end()).tag(this);
    }
}
