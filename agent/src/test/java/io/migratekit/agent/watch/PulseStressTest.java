package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Do numbers that a reader sees belong together, while a worker writes as fast as it can? */
class PulseStressTest {
    private static final Duration TIME = Duration.ofSeconds(2);
    private static final Wait[] KINDS = {Wait.READ, Wait.WRITE, Wait.ZERO};
    private static final long OLD_OFFSET = 1L << 50;

    @Test
    void noRowIsTornAndTheOldestRequestIsAlwaysSeen() throws InterruptedException {
        long seed = System.nanoTime();
        System.out.println("PulseStressTest seed=" + seed);
        Pulse pulse = new Pulse("copy-0", WatchLimits.DEFAULT, new SlowWaits(Long.MAX_VALUE), System::nanoTime);
        ConnectionPulse connection = pulse.opening("c", Side.TARGET, "nbd://x");
        connection.issued(Wait.WRITE, OLD_OFFSET, length(Wait.WRITE, OLD_OFFSET));
        AtomicBoolean end = new AtomicBoolean();
        AtomicLong reads = new AtomicLong();
        List<String> faults = java.util.Collections.synchronizedList(new ArrayList<>());
        List<Thread> readers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            readers.add(Thread.ofPlatform().daemon().start(() -> {
                while (!end.get() && faults.size() < 10) {
                    check(pulse.read(), faults);
                    reads.incrementAndGet();
                }
            }));
        }
        long written = write(pulse, connection, new SplittableRandom(seed));
        end.set(true);
        for (Thread reader : readers) {
            assertTrue(reader.join(Duration.ofSeconds(5)));
        }
        assertEquals(List.of(), faults);
        assertTrue(reads.get() > 100 && written > 10_000, "reads=" + reads + " written=" + written);
        System.out.println("PulseStressTest reads=" + reads + " requests=" + written);
    }

    /** The worker: up to 100 requests in flight, answered in any order; returns how many there were. */
    private static long write(Pulse pulse, ConnectionPulse connection, SplittableRandom random) {
        List<long[]> inFlight = new ArrayList<>();
        long end = System.nanoTime() + TIME.toNanos();
        long count = 0;
        while (System.nanoTime() - end < 0) {
            boolean issue = inFlight.isEmpty() || (inFlight.size() < 100 && random.nextInt(100) < 52);
            if (issue) {
                Wait kind = KINDS[random.nextInt(KINDS.length)];
                long offset = random.nextLong(1L << 40);
                connection.issued(kind, offset, length(kind, offset));
                inFlight.add(new long[] {kind == Wait.READ ? 0 : kind == Wait.WRITE ? 1 : 2, offset});
                count++;
            } else {
                long[] request = inFlight.remove(random.nextInt(inFlight.size()));
                Wait kind = KINDS[(int) request[0]];
                connection.answered(kind, request[1], length(kind, request[1]), Outcome.ANSWERED);
            }
            if (count % 64 == 0) {
                pulse.stage(Stage.COPYING, count, 3 * count);
            }
        }
        return count;
    }

    private static void check(WorkerView view, List<String> faults) {
        if (view.length() != 3 * view.offset()) {
            faults.add("torn stage: " + view.offset() + " " + view.length());
        }
        ConnectionView connection = view.connections().getFirst();
        for (RequestTable.Entry entry : connection.inFlight()) {
            if (entry.length() != length(entry.kind(), entry.offset())) {
                faults.add("torn row: " + entry);
            }
        }
        ConnectionView.LastAnswer last = connection.lastAnswer();
        if (last != null && last.length() != length(last.kind(), last.offset())) {
            faults.add("torn answer: " + last);
        }
        RequestTable.Entry oldest = connection.oldest();
        if (oldest == null || oldest.offset() != OLD_OFFSET) {
            faults.add("not the oldest: " + oldest);
        }
        if (connection.inFlight().size() + connection.moving() > 103) {
            // 101 at once, and a row or two that moved while the others were read.
            faults.add("too many in flight: " + connection.inFlight().size() + "+" + connection.moving());
        }
    }

    /** A length that gives away a row whose kind and offset are of different requests. */
    private static long length(Wait kind, long offset) {
        return (offset * 31 + kind.id().length()) & 0xffff_ffffL;
    }
}
