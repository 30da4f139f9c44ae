package io.migratekit.nbd;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How long do we still wait, and for what? Every wait of a connection passes through here: it gets
 * a name, is announced, ends at its limit of silence or at the deadline, and yields to an interrupt.
 *
 * <p>Use: {@link #waitFor} names the wait, {@link #slice} says for how long to block at most (or
 * throws), {@link #progress} resets the silence, {@link #answered} ends the wait.
 */
final class Patience {
    /** No single block is longer, so that an interrupt is noticed within this time. */
    private static final long LONGEST_SLICE_NANOS = Duration.ofMillis(100).toNanos();

    private final String connection;
    private final String peer;
    private final ConnectSpec spec;
    private final List<String> answers = new ArrayList<>();
    private @Nullable Wait wait;
    private Duration limit = Duration.ZERO;
    private long beganNanos;
    private long progressNanos;

    Patience(String connection, String peer, ConnectSpec spec) {
        this.connection = connection;
        this.peer = peer;
        this.spec = spec;
    }

    /** Begins this wait, or goes on with it if it is the current one. Another one before it was answered. */
    void waitFor(Wait next) {
        waitFor(next, spec.limits().limitOf(next));
    }

    void waitFor(Wait next, Duration nextLimit) {
        if (wait == next) {
            limit = nextLimit;
            return;
        }
        answered();
        wait = next;
        limit = nextLimit;
        beganNanos = System.nanoTime();
        progressNanos = beganNanos;
        spec.listener().waiting(connection, next, nextLimit);
    }

    /** The peer has got further than was known: the silence so far belongs to this wait. */
    void goOnAs(Wait next) {
        long silentSince = progressNanos;
        waitFor(next);
        progressNanos = silentSince;
    }

    /** Something arrived: the peer lives, the silence starts anew. */
    void progress() {
        progressNanos = System.nanoTime();
    }

    /** The current wait, if there is one, has got its answer. */
    void answered() {
        Wait over = wait;
        if (over == null) {
            return;
        }
        Duration waited = Duration.ofNanos(System.nanoTime() - beganNanos);
        wait = null;
        if (!over.isRequest()) {
            answers.add(over.id() + " after " + Durations.show(waited));
        }
        spec.listener().answered(connection, over, waited);
    }

    /** Remembers an answer that is evidence later, such as "server flags". */
    List<String> answers() {
        return List.copyOf(answers);
    }

    @Nullable
    Wait current() {
        return wait;
    }

    Deadline deadline() {
        return spec.deadline();
    }

    /** Whether nothing has been seen to arrive for as long as is allowed. */
    boolean isAtLimit() {
        return wait != null && System.nanoTime() - progressNanos >= limit.toNanos();
    }

    /** The time in milliseconds to block at most; throws when waiting any longer is not allowed. */
    int slice(Supplier<Evidence> evidence) {
        Wait now = wait;
        if (now == null) {
            throw new IllegalStateException("a wait without a name");
        }
        // The flag stays up: whoever asked this thread to stop, asked all of it.
        if (Thread.currentThread().isInterrupted()) {
            throw new NbdException.Cancelled("interrupted while waiting for the " + now.title() + " of " + peer);
        }
        long silent = System.nanoTime() - progressNanos;
        long left = limit.toNanos() - silent;
        if (spec.deadline().isOver()) {
            throw new NbdException.DeadlinePassed("the deadline of "
                    + Durations.show(spec.deadline().total()) + " passed while waiting for the " + now.title() + " of "
                    + peer + " (last sign of life " + Durations.show(Duration.ofNanos(silent)) + " ago; "
                    + evidence.get() + ")");
        }
        if (left <= 0) {
            throw noAnswer(now, Duration.ofNanos(silent), evidence.get());
        }
        spec.listener()
                .stillWaiting(
                        connection,
                        now,
                        Duration.ofNanos(System.nanoTime() - beganNanos),
                        Duration.ofNanos(silent),
                        limit);
        long nanos =
                Math.min(Math.min(left, LONGEST_SLICE_NANOS), spec.deadline().remainingNanos());
        return (int) Math.max(1, (nanos + 999_999) / 1_000_000);
    }

    /**
     * Where the connection stands, and what the kernel knows, when a wait ends without an answer.
     *
     * @param cause what it usually comes from, where that differs from what {@link Wait} says
     */
    record Evidence(String state, String facts, String cause) {
        Evidence(String state, String facts) {
            this(state, facts, "");
        }

        @Override
        public String toString() {
            String where = state.isEmpty() ? "" : "libnbd state " + state;
            return where + (where.isEmpty() || facts.isEmpty() ? "" : "; ") + facts;
        }
    }

    private NbdException.NoAnswer noAnswer(Wait now, Duration silent, Evidence evidence) {
        StringBuilder message = new StringBuilder()
                .append(peer)
                .append(": no ")
                .append(now.title())
                .append(" within ")
                .append(Durations.show(limit));
        if (silent.compareTo(Duration.ofNanos(System.nanoTime() - beganNanos).minusMillis(500)) < 0) {
            message.append(" of silence");
        }
        message.append(" (");
        if (!answers.isEmpty()) {
            message.append("answered before: ")
                    .append(String.join(", ", answers))
                    .append("; ");
        }
        message.append(evidence)
                .append("). Usual cause: ")
                .append(evidence.cause().isEmpty() ? now.usualCause() : evidence.cause())
                .append('.');
        return new NbdException.NoAnswer(message.toString(), now, silent, evidence.state(), answers);
    }
}
