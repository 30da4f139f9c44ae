package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Does the monitor see what the worker published, whatever the order of the answers? */
class PulseTest {
    private final FakeClock clock = new FakeClock();
    private final SlowWaits slow = new SlowWaits(Duration.ofSeconds(1).toNanos());
    private final Pulse pulse = new Pulse("copy-0", WatchLimits.DEFAULT, slow, clock);
    private final ConnectionPulse target = pulse.opening("copy-target-0", Side.TARGET, "nbd://hub/disk");

    @Test
    void theOldestRequestIsFoundWhateverTheOrderOfAnswers() {
        target.issued(Wait.WRITE, 0, 10);
        clock.pass(5);
        target.issued(Wait.WRITE, 100, 20);
        clock.pass(5);
        target.issued(Wait.FLUSH, 0, 0);
        assertEquals(0, oldest().offset());
        target.answered(Wait.WRITE, 0, 10, Outcome.ANSWERED);
        assertEquals(100, oldest().offset());
        target.issued(Wait.WRITE, 300, 30); // It takes the row of the first, and is the youngest all the same.
        assertEquals(100, oldest().offset());
        target.answered(Wait.FLUSH, 0, 0, Outcome.ANSWERED);
        target.answered(Wait.WRITE, 100, 20, Outcome.ERROR);
        assertEquals(300, oldest().offset());
        assertEquals(30, view().inFlightBytes());
        assertEquals(3, view().answers());
    }

    @Test
    void ofTwoRequestsInTheSameWordsTheOlderOneIsAnswered() {
        long first = clock.getAsLong();
        target.issued(Wait.READ, 0, 10);
        clock.pass(7);
        target.issued(Wait.READ, 0, 10);
        assertEquals(first, oldest().sinceNanos());
        target.answered(Wait.READ, 0, 10, Outcome.ANSWERED);
        assertEquals(clock.getAsLong(), oldest().sinceNanos());
    }

    @Test
    void moreRequestsThanTheTableHasRowsMakeItGrow() {
        for (int i = 0; i < 500; i++) {
            target.issued(Wait.WRITE, i, 1);
            clock.pass(1);
        }
        assertEquals(500, view().inFlight().size());
        for (int i = 499; i > 0; i--) {
            target.answered(Wait.WRITE, i, 1, Outcome.ANSWERED);
        }
        assertEquals(0, oldest().offset());
        assertEquals(1, view().inFlight().size());
    }

    @Test
    void theAnswerToAQuestionThatNobodyToldOfIsASignOfLifeAndNothingElse() {
        target.issued(Wait.WRITE, 0, 10);
        clock.pass(3000);
        target.answered(Wait.READ, 5, 5, Outcome.ANSWERED);
        assertEquals(clock.getAsLong(), view().signNanos());
        assertEquals(1, view().inFlight().size());
        assertEquals(List.of(), WaitLedger.merge(List.of(pulse.ledger())));
    }

    @Test
    void silenceBeginsWithTheQuestionNotWithTheLastAnswer() {
        target.issued(Wait.WRITE, 0, 10);
        target.answered(Wait.WRITE, 0, 10, Outcome.ANSWERED);
        clock.pass(Duration.ofMinutes(10));
        target.issued(Wait.WRITE, 0, 10);
        assertEquals(clock.getAsLong(), view().signNanos());
    }

    @Test
    void whatIsInFlightWhenAConnectionEndsIsCountedByThatEnd() {
        target.issued(Wait.WRITE, 0, 10);
        target.issued(Wait.ZERO, 10, 10);
        clock.pass(3000);
        target.closed(Outcome.LOST, "reset by peer");
        assertEquals(1, line("target-write/write").count(Outcome.LOST));
        assertEquals(1, line("target-write/zero").count(Outcome.LOST));
        WorkerView view = pulse.read();
        assertEquals(List.of(), view.connections());
        assertEquals("reset by peer", view.over().getFirst().end());
        List<SlowWait> logged = slow.drain();
        assertEquals(2, logged.size());
        assertEquals("write of 10 bytes at 0", logged.getFirst().what());
        assertTrue(logged.getFirst().arrived().startsWith("no other answer meanwhile; last sign of life 3 s before"));
    }

    @Test
    void aLongWaitIsToldWithWhatCameMeanwhile() {
        target.issued(Wait.WRITE, 0, 10);
        target.issued(Wait.WRITE, 10, 10);
        clock.pass(900);
        target.answered(Wait.WRITE, 10, 10, Outcome.ANSWERED);
        clock.pass(600);
        target.answered(Wait.WRITE, 0, 10, Outcome.ANSWERED);
        List<SlowWait> logged = slow.drain();
        assertEquals(1, logged.size());
        assertEquals(
                "1 other answer meanwhile; last sign of life before that 600 ms earlier",
                logged.getFirst().arrived());
    }

    @Test
    void theSecondHalfOfAPartialReadIsAWaitOfItsOwn() {
        ConnectionPulse source = pulse.opening("copy-source-0", Side.SOURCE, "nbd://source");
        source.issued(Wait.READ, 0, 1 << 20);
        clock.pass(2);
        source.received();
        clock.pass(5000);
        source.received();
        source.answered(Wait.READ, 0, 1 << 20, Outcome.ANSWERED);
        LedgerLine rest = line("source-read/rest-of-read");
        assertEquals(1, rest.count());
        assertEquals(Duration.ofSeconds(5).toNanos(), rest.maxNanos());
        assertEquals(
                1,
                slow.drain().stream()
                        .filter(wait -> wait.what().startsWith("rest"))
                        .count());
    }

    @Test
    void localWaitsAreCountedByTheirStage() {
        pulse.stage(Stage.JOURNAL);
        clock.pass(12);
        pulse.stage(Stage.RATE_LIMITED);
        clock.pass(30);
        pulse.stage(Stage.COPYING, 5, 7);
        assertEquals(12, line("local/journal").totalNanos() / 1_000_000);
        assertEquals(30, line("local/rate-limit").totalNanos() / 1_000_000);
        WorkerView view = pulse.read();
        assertEquals(Stage.COPYING, view.stage());
        assertEquals(7, view.length());
    }

    @Test
    void theHandshakeIsSeenThroughTheListener() {
        WaitListener listener = target.listener();
        listener.waiting("x", Wait.GREETING, Duration.ofSeconds(15));
        clock.pass(4000);
        listener.stillWaiting("x", Wait.GREETING, Duration.ofSeconds(4), Duration.ofSeconds(1), Duration.ofSeconds(15));
        assertEquals(Wait.GREETING, view().single());
        assertEquals(Duration.ofSeconds(1).toNanos(), clock.getAsLong() - view().signNanos());
        assertEquals(clock.getAsLong(), pulse.read().turnNanos(), "who waits, looks");
        listener.answered("x", Wait.GREETING, Duration.ofSeconds(4));
        assertNull(view().single());
        assertEquals(Optional.empty(), view().waitingSince());
        assertEquals(1, line("target-connect/greeting").count());
    }

    @Test
    void aRequestInTheTableIsNotCountedAgainThroughTheListener() {
        target.issued(Wait.WRITE, 0, 10);
        WaitListener listener = target.listener();
        listener.waiting("x", Wait.WRITE, Duration.ofSeconds(15));
        clock.pass(20);
        target.answered(Wait.WRITE, 0, 10, Outcome.ANSWERED);
        listener.answered("x", Wait.WRITE, Duration.ofMillis(20));
        assertEquals(1, line("target-write/write").count());
    }

    private RequestTable.Entry oldest() {
        RequestTable.Entry oldest = view().oldest();
        assertNotNull(oldest);
        return oldest;
    }

    private ConnectionView view() {
        return pulse.read().connections().getFirst();
    }

    private LedgerLine line(String id) {
        return WaitLedger.merge(List.of(pulse.ledger())).stream()
                .filter(line -> line.id().equals(id))
                .findFirst()
                .orElseThrow();
    }
}
