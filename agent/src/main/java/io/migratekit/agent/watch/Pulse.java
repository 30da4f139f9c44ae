package io.migratekit.agent.watch;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What is a worker about right now? The worker writes, cheaply and without waiting; the monitor reads, without locks.
 *
 * <p>All methods but {@link #read} belong to the worker's thread. In its event loop: {@link #turn} each time it has
 * looked at its connections, {@link #stage} when it turns to something else, and the methods of
 * {@link ConnectionPulse} for each request.
 */
public final class Pulse {
    /** So many connections that are over are remembered: what they said last may be the reason of what follows. */
    private static final int REMEMBERED = 4;

    private static final Stage[] STAGES = Stage.values();

    private final String worker;
    private final WaitLedger ledger = new WaitLedger();
    private final WatchLimits limits;
    private final SlowWaits slowWaits;
    private final LongSupplier nanoTime;
    private final Row stage = new Row();
    private volatile List<ConnectionPulse> open = List.of();
    private volatile List<ConnectionPulse> over = List.of();
    private volatile @Nullable Thread thread;
    private volatile @Nullable Trouble trouble;
    /** The stage as a reader has last seen it; the arrays never change. */
    private volatile long[] lastRead = new long[Row.WIDTH];

    private final AtomicLong turnNanos = new AtomicLong();

    Pulse(String worker, WatchLimits limits, SlowWaits slowWaits, LongSupplier nanoTime) {
        this.worker = worker;
        this.limits = limits;
        this.slowWaits = slowWaits;
        this.nanoTime = nanoTime;
        long now = nanoTime.getAsLong();
        turnNanos.set(now);
        write(Stage.IDLE, 0, 0, now);
        lastRead[3] = now;
    }

    /** This thread is the worker: its stack belongs into a dump. */
    public void adopt() {
        thread = Thread.currentThread();
        turn();
    }

    /** The worker's stage, which does not concern a range. */
    public void stage(Stage next) {
        stage(next, 0, 0);
    }

    /** The worker's stage, for the range it works on (a unit of the plan). Saying the same again changes nothing. */
    public void stage(Stage next, long offset, long length) {
        long now = nanoTime.getAsLong();
        Stage last = STAGES[(int) stage.own(0)];
        if (next == last && offset == stage.own(1) && length == stage.own(2)) {
            turnNanos.setOpaque(now);
            return;
        }
        WaitName counted = last.countedAs();
        if (counted != null) {
            ended(Layer.LOCAL, counted, Outcome.ANSWERED, now - stage.own(3));
        }
        write(next, offset, length, now);
        turnNanos.setOpaque(now);
    }

    @SuppressWarnings("EnumOrdinal") // A row holds numbers; read() turns this one back.
    private void write(Stage next, long offset, long length, long now) {
        stage.write(next.ordinal(), offset, length, now, 0, 0);
    }

    /**
     * The worker has just looked at all its connections. Without this the monitor could not tell "the target has not
     * answered" from "nobody has looked whether it has".
     */
    public void turn() {
        turnNanos.setOpaque(nanoTime.getAsLong());
    }

    /**
     * A connection begins. To be called before it is opened; its {@link ConnectionPulse#listener} tells of the
     * handshake.
     *
     * @param id unique, as in every log line about this connection, such as {@code copy-target-2}
     * @param peer the URI, for messages
     */
    public ConnectionPulse opening(String id, Side side, String peer) {
        ConnectionPulse connection = new ConnectionPulse(this, id, side, peer, nanoTime);
        Trouble before = trouble;
        trouble = before == null ? null : before.again(side, nanoTime.getAsLong());
        List<ConnectionPulse> more = new ArrayList<>(open);
        more.add(connection);
        open = List.copyOf(more);
        return connection;
    }

    void closed(ConnectionPulse connection) {
        List<ConnectionPulse> fewer = new ArrayList<>(open);
        fewer.remove(connection);
        List<ConnectionPulse> remembered = new ArrayList<>(over);
        remembered.add(connection);
        over = List.copyOf(remembered.subList(Math.max(0, remembered.size() - REMEMBERED), remembered.size()));
        open = List.copyOf(fewer);
    }

    /** A connection is over on which something was waited for; unless we had enough of it ourselves, it is a loss. */
    void lost(String connection, Outcome outcome, Layer layer, long signNanos) {
        long now = nanoTime.getAsLong();
        long stallAfter = limits.stallAfter().toNanos();
        if (outcome == Outcome.INTERRUPTED && now - signNanos < stallAfter) {
            return;
        }
        String last = connection + " (" + outcome.id() + ")";
        Trouble before = trouble;
        trouble = before == null || before.isForgotten(signNanos, stallAfter)
                ? Trouble.first(layer, signNanos, now, last)
                : before.and(layer, signNanos, now, last);
    }

    /** A server has answered a request. */
    void answered(Layer layer) {
        Trouble before = trouble;
        if (before != null && before.isOverWith(layer)) {
            trouble = null;
        }
    }

    /** Counts a wait that is over. */
    void ended(Layer layer, WaitName name, Outcome outcome, long nanos) {
        ledger.add(layer, name, outcome, nanos);
    }

    SlowWaits slowWaits() {
        return slowWaits;
    }

    String worker() {
        return worker;
    }

    WaitLedger ledger() {
        return ledger;
    }

    /** For the monitor: everything at one moment. */
    WorkerView read() {
        long[] row = new long[Row.WIDTH];
        if (stage.read(row)) {
            lastRead = row;
        } else {
            // The stage is changing at this moment, so the one that was read before has been true until now.
            row = lastRead;
        }
        return new WorkerView(
                worker,
                thread,
                STAGES[(int) row[0]],
                row[1],
                row[2],
                row[3],
                turnNanos.getOpaque(),
                trouble,
                open.stream().map(ConnectionPulse::read).toList(),
                over.stream().map(ConnectionPulse::read).toList());
    }
}
