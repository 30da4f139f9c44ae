package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What was seen of a connection at one moment? Times are those of {@code System.nanoTime()}.
 *
 * @param single the one wait outside the table: a step of the handshake, or a request that is awaited by itself
 * @param moving how many more requests are in flight which were only just made or answered
 * @param signNanos the last sign of life, or when we began to wait if that was later
 * @param state libnbd's name of its state, as last published; empty if unknown
 * @param end why it is over; null while it is not
 */
record ConnectionView(
        String id,
        Side side,
        String peer,
        @Nullable Wait single,
        long singleSinceNanos,
        List<RequestTable.Entry> inFlight,
        int moving,
        long signNanos,
        @Nullable LastAnswer lastAnswer,
        long answers,
        String state,
        @Nullable String end) {

    /** The last answer of the server. */
    record LastAnswer(Wait kind, long offset, long length, long tookNanos, long atNanos) {}

    boolean isWaiting() {
        return single != null || !inFlight.isEmpty() || moving > 0;
    }

    RequestTable.@Nullable Entry oldest() {
        RequestTable.Entry oldest = null;
        for (RequestTable.Entry entry : inFlight) {
            if (oldest == null || entry.sinceNanos() - oldest.sinceNanos() < 0) {
                oldest = entry;
            }
        }
        return oldest;
    }

    /** When the oldest question without an answer was asked. */
    Optional<Long> waitingSince() {
        RequestTable.Entry oldest = oldest();
        if (oldest != null) {
            return Optional.of(oldest.sinceNanos());
        }
        return single == null ? Optional.empty() : Optional.of(singleSinceNanos);
    }

    long inFlightBytes() {
        return inFlight.stream().mapToLong(RequestTable.Entry::length).sum();
    }
}
