package io.migratekit.agent.watch;

import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What is in flight on one connection, and when did it last move? Made by {@link Pulse#opening}; written by the
 * worker, who calls {@link #issued} and {@link #answered} for every request, read by the monitor.
 */
public final class ConnectionPulse {
    private static final long NOTHING = -1;
    private static final VarHandle SIGN;

    static {
        try {
            SIGN = MethodHandles.lookup().findVarHandle(ConnectionPulse.class, "signNanos", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Pulse pulse;
    private final String id;
    private final Side side;
    private final String peer;
    private final LongSupplier nanoTime;
    private final RequestTable requests = new RequestTable();
    private final int[] inFlightByKind = new int[RequestTable.KINDS];
    /** Kind, offset, length, took, at, number of answers so far. */
    private final Row lastAnswer = new Row();
    /** The wait outside the table: kind, since. */
    private final Row single = new Row();

    private volatile String state = "";
    private volatile @Nullable String end;
    /** Written opaquely by the worker alone. */
    private long signNanos;

    // What follows belongs to the worker alone.
    private long answers;
    private boolean inRest;
    private long restSinceNanos;
    private long silentNanos; // before bytes arrived last

    ConnectionPulse(Pulse pulse, String id, Side side, String peer, LongSupplier nanoTime) {
        this.pulse = pulse;
        this.id = id;
        this.side = side;
        this.peer = peer;
        this.nanoTime = nanoTime;
        signNanos = nanoTime.getAsLong();
        single.write(NOTHING, 0, 0, 0, 0, 0);
        lastAnswer.write(NOTHING, 0, 0, 0, 0, 0);
    }

    // ---- requests

    /** A request was made. */
    public void issued(Request request) {
        issued(request.kind(), request.offset(), request.length());
    }

    void issued(Wait kind, long offset, long length) {
        long now = nanoTime.getAsLong();
        if (requests.isEmpty()) {
            // The server was silent because nobody asked: its time starts now.
            SIGN.setOpaque(this, now);
            inRest = false;
        }
        inFlightByKind[RequestTable.code(kind)]++;
        requests.add(kind, offset, length, now, answers);
    }

    /** A request is done: answered well or with an error. Answers may come in any order. */
    public void answered(Request request) {
        NbdException failure = request.failure();
        Outcome outcome = failure == null ? Outcome.ANSWERED : Outcome.of(failure);
        answered(request.kind(), request.offset(), request.length(), outcome);
    }

    void answered(Wait kind, long offset, long length, Outcome outcome) {
        int slot = requests.find(kind, offset, length);
        if (slot >= 0) {
            ended(slot, outcome);
        } else {
            // Nobody told us of the request; its answer is a sign of life all the same.
            progress();
        }
    }

    /** Bytes of the peer have arrived, whether or not they complete an answer. To be called before the answers. */
    public void received() {
        long now = nanoTime.getAsLong();
        restEnds(Outcome.ANSWERED, now);
        inRest = !requests.isEmpty();
        restSinceNanos = now;
        silentNanos = now - signNanos;
        SIGN.setOpaque(this, now);
    }

    /** Something moved on the connection, in either direction: the peer lives. */
    public void progress() {
        SIGN.setOpaque(this, nanoTime.getAsLong());
    }

    private void ended(int slot, Outcome outcome) {
        long now = nanoTime.getAsLong();
        Wait kind = requests.kind(slot);
        long offset = requests.offset(slot);
        long length = requests.length(slot);
        long took = now - requests.since(slot);
        long meanwhile = answers - requests.answersBefore(slot);
        requests.remove(slot);
        inFlightByKind[RequestTable.code(kind)]--;
        if (outcome.isAnswer()) {
            // What the rest was waited for is here; if more is under way, received() says so.
            inRest = false;
            answers++;
            lastAnswer.write(RequestTable.code(kind), offset, length, took, now, answers);
        }
        count(kind, outcome, took);
        if (pulse.slowWaits().isSlow(took)) {
            report(kind, text(kind, offset, length), outcome, took, meanwhile, now);
        }
        if (outcome.isAnswer()) {
            SIGN.setOpaque(this, now);
            pulse.answered(Layer.of(side, kind));
        }
    }

    private void count(Wait kind, Outcome outcome, long took) {
        pulse.ended(Layer.of(side, kind), WaitName.of(kind), outcome, took);
    }

    /** A wait was so long that somebody wants to hear of it. */
    private void report(Wait kind, String what, Outcome outcome, long took, long meanwhile, long now) {
        long silent = Math.max(outcome.isAnswer() ? silentNanos : 0, now - signNanos);
        String arrived = SlowWaits.arrived(meanwhile, outcome.isAnswer(), silent);
        pulse.slowWaits()
                .add(new SlowWait(pulse.worker(), id, Layer.of(side, kind), what, took, now, outcome, arrived));
    }

    private void restEnds(Outcome outcome, long now) {
        if (inRest) {
            Wait kind = likelyKind();
            long took = now - restSinceNanos;
            pulse.ended(Layer.of(side, kind), WaitName.restOf(kind), outcome, took);
            inRest = false;
            if (pulse.slowWaits().isSlow(took)) {
                report(kind, WaitName.restOf(kind).id(), outcome, took, 0, now);
            }
        }
    }

    /** Of what is in flight, what the bytes that come are most likely a part of. */
    private Wait likelyKind() {
        if (inFlightByKind[RequestTable.code(Wait.READ)] > 0) {
            return Wait.READ;
        }
        return inFlightByKind[RequestTable.code(Wait.BLOCK_STATUS)] > 0 ? Wait.BLOCK_STATUS : Wait.WRITE;
    }

    static String text(Wait kind, long offset, long length) {
        return kind == Wait.FLUSH || !kind.isRequest()
                ? kind.id()
                : kind.id() + " of " + length + " bytes at " + offset;
    }

    // ---- beginning and end

    /** Tells of the handshake, and of requests that are awaited one at a time and are not {@link #issued}. */
    public WaitListener listener() {
        return listener(WaitListener.NONE);
    }

    /** The same, and another listener hears of everything, too. */
    public WaitListener listener(WaitListener also) {
        return new PulseListener(this, also);
    }

    /** What libnbd calls the connection's state; to be called after the handshake, and when it failed. */
    public void state(String name) {
        state = name;
    }

    /** The connection is over because of a failure; what was in flight on it was never answered. */
    public void closed(NbdException failure) {
        if (failure instanceof NbdException.NoAnswer silent) {
            state = silent.state();
        }
        closed(Outcome.of(failure), failure.getMessage());
    }

    /** The connection is over. */
    public void closed(Outcome howWaitsEnd, String reason) {
        long now = nanoTime.getAsLong();
        Layer waitedFor = waitedFor();
        if (waitedFor != null) {
            pulse.lost(id, howWaitsEnd, waitedFor, signNanos);
        }
        restEnds(howWaitsEnd, now);
        for (int slot = 0; slot < requests.capacity(); slot++) {
            if (requests.holds(slot)) {
                ended(slot, howWaitsEnd);
            }
        }
        singleEnds(howWaitsEnd, now);
        end = reason;
        pulse.closed(this);
    }

    /** The layer of the oldest wait; null if nothing was waited for. */
    private @Nullable Layer waitedFor() {
        if (single.own(0) != NOTHING) {
            return Layer.of(side, RequestTable.kindOf(single.own(0)));
        }
        RequestTable.Entry oldest = read().oldest();
        return oldest == null ? null : Layer.of(side, oldest.kind());
    }

    private void singleEnds(Outcome outcome, long now) {
        if (single.own(0) != NOTHING) {
            Wait kind = RequestTable.kindOf(single.own(0));
            long took = now - single.own(1);
            count(kind, outcome, took);
            if (pulse.slowWaits().isSlow(took)) {
                report(kind, kind.id(), outcome, took, 0, now);
            }
            single.write(NOTHING, 0, 0, 0, 0, 0);
        }
    }

    /** For other threads. */
    ConnectionView read() {
        RequestTable.Entries inFlight = requests.read();
        long[] wait = new long[Row.WIDTH];
        boolean waiting = single.read(wait) && wait[0] != NOTHING;
        long[] last = new long[Row.WIDTH];
        boolean answered = lastAnswer.read(last) && last[0] != NOTHING;
        return new ConnectionView(
                id,
                side,
                peer,
                waiting ? RequestTable.kindOf(wait[0]) : null,
                wait[1],
                inFlight.list(),
                inFlight.changing(),
                (long) SIGN.getOpaque(this),
                answered
                        ? new ConnectionView.LastAnswer(
                                RequestTable.kindOf(last[0]), last[1], last[2], last[3], last[4])
                        : null,
                last[5],
                state,
                end);
    }

    // ---- for PulseListener, on the worker's thread

    /** A wait begins which the connection announces. One that is in the table is known already. */
    void announced(Wait wait) {
        if (requests.isEmpty()) {
            long now = nanoTime.getAsLong();
            single.write(RequestTable.code(wait), now, 0, 0, 0, 0);
            SIGN.setOpaque(this, now);
        }
    }

    /** The connection goes on waiting; it was silent for so long. */
    void looked(Duration silent) {
        pulse.turn();
        long sign = nanoTime.getAsLong() - silent.toNanos();
        if (sign - signNanos > 0) {
            SIGN.setOpaque(this, sign);
        }
    }

    /** An announced wait is over. */
    void announcedAnswered(Wait wait, Duration waited) {
        if (single.own(0) == RequestTable.code(wait)) {
            long now = nanoTime.getAsLong();
            singleEnds(Outcome.ANSWERED, now);
            SIGN.setOpaque(this, now);
            lastAnswer.write(RequestTable.code(wait), 0, 0, waited.toNanos(), now, answers);
            if (wait.isRequest()) {
                pulse.answered(Layer.of(side, wait));
            }
        }
    }
}
