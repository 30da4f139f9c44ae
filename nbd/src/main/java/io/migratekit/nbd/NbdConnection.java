package io.migratekit.nbd;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one NBD export: many requests in flight, no wait without name and limit.
 *
 * <p>Belongs to the platform thread that opened it. Requests return at once; {@link #poll} or
 * {@link #await} let answers in. Data goes straight between the server's socket and the caller's
 * off-heap buffer. A request that the server answers with an error leaves the connection usable; when
 * the connection breaks or the server falls silent, an {@link NbdException} ends it, and every
 * request that was not done counts as never made.
 */
public final class NbdConnection implements AutoCloseable {
    private static final int EIO = 5;
    private static final int EPROTO = 71;
    private static final int EINVAL = 22;

    private final Map<Long, Request> inFlight = new LinkedHashMap<>();
    private final Map<Long, Request> statusRequests = new LinkedHashMap<>();
    private final Map<Wait, Integer> inFlightByKind = new EnumMap<>(Wait.class);
    private final ArrayDeque<Request> completed = new ArrayDeque<>();
    private final Link link;
    private final ExportInfo info;
    private long lastStatusNumber;

    /** Takes over a link whose handshake is complete. */
    NbdConnection(Link link, String exportName) {
        this.link = link;
        link.handle.onStatus(this::takeStatus);
        info = link.describe(exportName);
    }

    /** Connects and completes the handshake; the server has answered everything when this returns. */
    public static NbdConnection open(NbdUri uri, ConnectSpec spec) {
        return new NbdConnection(Link.open(uri, spec, false), uri.exportName());
    }

    /** libnbd's version, such as 1.14.2. */
    public static String libraryVersion() {
        try (Handle handle = new Handle("version")) {
            return handle.version();
        }
    }

    public ExportInfo info() {
        return info;
    }

    public NbdUri uri() {
        return link.uri;
    }

    /** What messages call this connection. */
    public String id() {
        return link.id;
    }

    /** Whether the server agreed to report block status in this context. */
    public boolean hasContext(String name) {
        return link.handle.hasContext(name);
    }

    // ---- requests

    /** Fills the buffer from the disk. */
    public Request read(MemorySegment buffer, long offset) {
        return issue(Wait.READ, offset, buffer.byteSize(), r -> link.handle.read(requireNative(buffer), offset));
    }

    /** Writes the buffer to the disk; durable only after a flush, or with {@code fua}. */
    public Request write(MemorySegment buffer, long offset, boolean fua) {
        return issue(Wait.WRITE, offset, buffer.byteSize(), r -> link.handle.write(requireNative(buffer), offset, fua));
    }

    /** Makes a range read as zeroes, by a hole if allowed and possible. */
    public Request zero(long offset, long length, boolean mayPunchHole) {
        return issue(Wait.ZERO, offset, length, r -> link.handle.zero(offset, length, mayPunchHole));
    }

    /** Tells the server that a range is not needed any more; what it reads as is undefined. */
    public Request trim(long offset, long length) {
        return issue(Wait.TRIM, offset, length, r -> link.handle.trim(offset, length));
    }

    /** Makes durable what was acknowledged: on all connections if the export is multi-conn, else on this one. */
    public Request flush() {
        return issue(Wait.FLUSH, 0, 0, r -> link.handle.flush());
    }

    /** Asks for the extents of a range; {@link ExtentMap} is the comfortable way. */
    Request blockStatus(long offset, long length) {
        long number = ++lastStatusNumber;
        return issue(Wait.BLOCK_STATUS, offset, length, request -> {
            statusRequests.put(number, request);
            try {
                return link.handle.blockStatus(offset, length, number);
            } catch (LibnbdError e) {
                statusRequests.remove(number);
                throw e;
            }
        });
    }

    /**
     * Asks for the extents from one position to another; the question is widened to the server's
     * block size, so the answer may begin earlier and end later.
     */
    Request blockStatusWidened(long from, long to) {
        long alignment = info.requestAlignment();
        long start = from / alignment * alignment;
        long end = Math.min(info.sizeBytes(), Math.ceilDiv(to, alignment) * alignment);
        return blockStatus(start, end - start);
    }

    /** The longest range that one block status request can cover on this connection. */
    long largestStatusRange() {
        return link.handle.extendedHeaders() ? 1L << 40 : Handle.LARGEST_32BIT_STATUS;
    }

    private interface Issue {
        long cookie(Request request);
    }

    private Request issue(Wait kind, long offset, long length, Issue call) {
        link.handle.checkOwner();
        Request request = new Request(kind, offset, length);
        if (link.failed()) {
            // What was in flight counts as over and its buffers as free: nothing may bring the answers in after all.
            throw new NbdException.ConnectionLost(
                    link.uri + ": cannot ask for " + request + ": this connection was given up after a failure.");
        }
        if (length <= 0 && kind != Wait.FLUSH) {
            // The protocol leaves it to each server what nothing means.
            throw new NbdException.RequestFailed(link.uri + ": cannot ask for " + request + ": it is empty", EINVAL);
        }
        if (inFlight.isEmpty()) {
            // The server was silent because nobody asked: its time starts now.
            link.patience.answered();
            link.patience.progress();
        }
        try {
            inFlight.put(call.cookie(request), request);
            inFlightByKind.merge(kind, 1, Integer::sum);
            return request;
        } catch (LibnbdError e) {
            if (link.handle.isOver()) {
                throw lost(new NbdException.ConnectionLost(
                        link.uri + ": cannot ask for " + request + ": the connection is lost."));
            }
            // Refused on our side, before anything was sent: out of bounds, unaligned, read-only.
            throw new NbdException.RequestFailed(link.uri + ": cannot ask for " + request + ": " + e.text(), e.errno());
        }
    }

    private static MemorySegment requireNative(MemorySegment buffer) {
        if (!buffer.isNative()) {
            throw new IllegalArgumentException("an NBD buffer must be off-heap");
        }
        return buffer;
    }

    // ---- answers

    public int inFlight() {
        return inFlight.size();
    }

    /**
     * Waits until at least one pending request is answered, or no request is pending. Returns the
     * next answered request, or null.
     */
    public @Nullable Request poll() {
        while (completed.isEmpty() && !inFlight.isEmpty()) {
            pump();
        }
        return completed.poll();
    }

    /** The next answered request, or null if none is waiting to be fetched. Does not wait. */
    public @Nullable Request nextAnswered() {
        return completed.poll();
    }

    /** True when the connection has broken, or was given up because the server was silent. */
    public boolean isLost() {
        return link.failed();
    }

    /** Waits for the answer to this request; throws its failure if the server answered with an error. */
    public void await(Request request) {
        while (!request.isDone()) {
            if (inFlight.isEmpty()) {
                throw new IllegalArgumentException(request + " does not belong to this connection");
            }
            pump();
        }
        completed.remove(request);
        NbdException failure = request.failure();
        if (failure != null) {
            throw failure;
        }
    }

    /** One bounded look at the socket, and every answer that has become complete by it. */
    private void pump() {
        announce();
        try {
            link.step("READY");
        } catch (NbdException e) {
            throw lost(e);
        }
        collect();
    }

    private void announce() {
        Wait oldest = inFlight.values().iterator().next().kind();
        link.patience.waitFor(oldest, limit());
    }

    // ---- for ConnectionGroup, which waits for several connections at once

    /** How long a wait may last, in milliseconds, before this connection's limit has to be looked at again. */
    int slice() {
        if (inFlight.isEmpty()) {
            return Integer.MAX_VALUE;
        }
        announce();
        try {
            if (link.catchUp("READY")) {
                collect();
                return 0;
            }
            return link.slice();
        } catch (NbdException e) {
            throw lost(e);
        }
    }

    int descriptor() {
        return link.handle.descriptor();
    }

    int events() {
        return link.handle.events();
    }

    void react(int happened) {
        try {
            link.react(happened);
        } catch (NbdException e) {
            throw lost(e);
        }
        collect();
    }

    private Duration limit() {
        // A server may work off its requests in turn: a read behind a slow block status gets the latter's time.
        Duration longest = Duration.ZERO;
        for (Wait kind : inFlightByKind.keySet()) {
            Duration limit = link.spec.limits().limitOf(kind);
            longest = limit.compareTo(longest) > 0 ? limit : longest;
        }
        return longest;
    }

    private void collect() {
        while (!inFlight.isEmpty()) {
            long cookie = link.handle.peekCompleted();
            if (cookie == 0) {
                return;
            }
            retire(cookie);
        }
        link.patience.answered();
    }

    private void retire(long cookie) {
        Request request = inFlight.remove(cookie);
        if (request == null) {
            throw new IllegalStateException("libnbd answers a request that was never made: " + cookie);
        }
        inFlightByKind.computeIfPresent(request.kind(), (kind, count) -> count == 1 ? null : count - 1);
        if (request.kind() == Wait.BLOCK_STATUS) {
            statusRequests.values().remove(request);
        }
        try {
            link.handle.retire(cookie);
            request.finish(null);
        } catch (LibnbdError e) {
            // libnbd 1.14 reports a read that was answered short like one that the server could not do, as EIO. What
            // newer
            // ones call EPROTO no server has said, since NBD has no such error: it is their word for such an answer.
            boolean broken = e.errno() == EPROTO;
            int errno = broken ? EIO : e.errno();
            String or = request.kind() == Wait.READ && errno == EIO
                    ? " or sent less data than was asked for"
                    : broken ? ", or rather broke the protocol" : "";
            request.finish(new NbdException.RequestFailed(
                    link.uri + ": the server answered the " + request + " with an error" + or + ": " + e.text(),
                    errno));
        }
        completed.add(request);
    }

    /** The connection is over: whatever was pending has failed by this. */
    private NbdException lost(NbdException cause) {
        link.markFailed();
        inFlight.values().forEach(request -> request.finish(cause));
        completed.addAll(inFlight.values());
        inFlight.clear();
        statusRequests.clear();
        inFlightByKind.clear();
        return cause;
    }

    private void takeStatus(long number, String context, long offset, long[] lengthsAndFlags) {
        Request request = statusRequests.get(number);
        if (request != null) {
            request.addStatus(new Request.Status(context, offset, lengthsAndFlags));
        }
    }

    /** Ends the connection, in bounded time whatever the server does. Buffers are free afterwards. */
    @Override
    public void close() {
        if (!inFlight.isEmpty()) {
            drainBriefly();
        }
        link.close();
        inFlight.values()
                .forEach(request -> request.finish(
                        new NbdException.Cancelled(link.uri + ": closed before the " + request + " was answered")));
        inFlight.clear();
    }

    /** Answers under way are let in first: some servers crash when a client leaves in the middle of one. */
    private void drainBriefly() {
        if (link.failed()) {
            return;
        }
        Deadline end = Deadline.in(Duration.ofMillis(100));
        try {
            while (!inFlight.isEmpty() && !end.isOver()) {
                if (!link.stepBriefly()) {
                    break;
                }
                collect();
            }
        } catch (NbdException e) {
            lost(e);
        }
        if (!inFlight.isEmpty()) {
            link.markFailed();
        }
    }
}
