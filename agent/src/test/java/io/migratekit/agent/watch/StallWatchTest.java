package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Is each stall reported once, and its end, and is time in which nobody could look not held against anybody? */
class StallWatchTest {
    private final Scene scene = new Scene();

    @Test
    void aStallIsReportedOnceAndSoIsItsEnd() {
        scene.issued(scene.target, Wait.WRITE, 64).passes(59);
        assertEquals(0, scene.reports.size());
        scene.passes(300);
        assertEquals(1, scene.reports.size());
        StallReport stall = scene.reports.getFirst();
        assertEquals(Layer.TARGET_WRITE, stall.layer());
        assertEquals(60, stall.silent().toSeconds());
        assertTrue(stall.wholeJob());
        assertFalse(stall.over());
        assertTrue(stall.dump().contains("write of 262144 bytes at 17301504: asked 60 s ago"), stall.dump());
        scene.target.answered(Wait.WRITE, 66L << 18, 1 << 18, Outcome.ANSWERED);
        scene.passes(10);
        assertEquals(2, scene.reports.size());
        assertTrue(scene.reports.getLast().over());
        scene.passes(60);
        assertEquals(3, scene.reports.size());
        assertEquals(1, scene.reports.getLast().attempt(), "a new story");
    }

    @Test
    void aStallOnNewConnectionsIsToldAgain() {
        scene.issued(scene.target, Wait.WRITE, 1).passes(61);
        assertTrue(scene.reports.getFirst().hangs());
        scene.source.closed(Outcome.INTERRUPTED, "connecting again");
        scene.target.closed(Outcome.INTERRUPTED, "connecting again");
        scene.stage(Stage.BACKING_OFF).passes(5);
        assertEquals(1, scene.reports.size(), "it does not move yet");
        assertEquals(
                "copy-0 has got no answer in target-write for 66 s; connections were lost once meanwhile, at last"
                        + " copy-target-0 (interrupted); it is backing-off",
                scene.verdict().evidence());
        ConnectionPulse second = scene.worker.opening("copy-target-1", Side.TARGET, "nbd://hub");
        greet(second);
        scene.stage(Stage.COPYING).issued(second, Wait.WRITE, 1).passes(30);
        assertEquals(1, scene.reports.size(), "a greeting is no progress of the copy");
        scene.passes(300);
        assertEquals(3, scene.reports.size(), "still stalled, and then the new connection hangs, too");
        assertFalse(scene.reports.get(1).hangs());
        assertEquals(3, scene.reports.getLast().attempt());
        assertTrue(scene.reports.getLast().hangs());
        assertFalse(scene.reports.getLast().over());
    }

    /** Each connection is silent for less than a stall; all of them together are one. */
    @Test
    void losingOneConnectionAfterTheOtherIsAStall() {
        ConnectionPulse connection = scene.target;
        for (int i = 1; i <= 12; i++) {
            ConnectionPulse source = scene.worker.opening("copy-source-" + i, Side.SOURCE, "nbd://source");
            greet(source);
            scene.stage(Stage.COPYING).issued(connection, Wait.WRITE, 5).passes(Duration.ofSeconds(15), () -> {
                source.issued(Wait.READ, 0, 1); // The source is fine, again and again.
                source.answered(Wait.READ, 0, 1, Outcome.ANSWERED);
            });
            source.issued(Wait.READ, 0, 1);
            source.closed(Outcome.TIMED_OUT, "the other end was lost");
            connection.closed(Outcome.TIMED_OUT, "no answer to a write within 15 s");
            scene.stage(Stage.BACKING_OFF).passes(1);
            connection = scene.worker.opening("copy-target-" + i, Side.TARGET, "nbd://hub");
            greet(connection);
        }
        assertEquals(3, scene.reports.size(), scene.reports.toString());
        StallReport first = scene.reports.getFirst();
        assertEquals(Layer.TARGET_WRITE, first.layer());
        assertFalse(first.hangs(), "connecting again is under way already");
        assertEquals(
                "copy-0 has got no answer in target-write for 60 s; connections were lost 3 times meanwhile, at last"
                        + " copy-target-2 (timed-out); it is copying",
                first.evidence());
        scene.stage(Stage.COPYING).issued(connection, Wait.WRITE, 1).passes(1);
        assertEquals(Motion.STALLED, scene.verdict().motion());
        connection.answered(Wait.WRITE, 66L << 18, 1 << 18, Outcome.ANSWERED);
        scene.passes(1);
        assertEquals(Motion.MOVING, scene.verdict().motion());
        assertTrue(scene.reports.getLast().over());
    }

    /** What passes between two losses are our own pauses, and the waits that end in the next loss: no time to forget in. */
    @ParameterizedTest
    @CsvSource({"0, 70", "20, 45", "50, 70"})
    void pausesBetweenLossesDoNotMakeThemForgotten(int wait, int pause) {
        scene.issued(scene.target, Wait.WRITE, 1);
        ConnectionPulse connection = scene.target;
        for (int i = 1; i <= 4; i++) {
            connection.closed(Outcome.LOST, "broken");
            scene.stage(Stage.BACKING_OFF).passes(pause);
            assertEquals(i == 1, scene.reports.isEmpty(), "after so many losses: " + i);
            connection = scene.worker.opening("copy-target-" + i, Side.TARGET, "nbd://hub");
            connection.listener().waiting("x", Wait.CONNECT, Duration.ofSeconds(60));
            scene.stage(Stage.CONNECTING).passes(wait);
        }
        assertEquals(Layer.TARGET_WRITE, scene.reports.getFirst().layer());
        assertEquals(Motion.STALLED, scene.verdict().motion(), "even in the middle of a pause");
    }

    @Test
    void oneLossAndALongPauseAreNoStall() {
        scene.issued(scene.target, Wait.WRITE, 1).passes(5);
        scene.target.closed(Outcome.LOST, "broken");
        scene.stage(Stage.BACKING_OFF).passes(70);
        ConnectionPulse second = scene.worker.opening("copy-target-1", Side.TARGET, "nbd://hub");
        greet(second);
        scene.stage(Stage.COPYING).issued(second, Wait.WRITE, 1).passes(2);
        second.answered(Wait.WRITE, 66L << 18, 1 << 18, Outcome.ANSWERED);
        scene.passes(2);
        assertEquals(0, scene.reports.size());
    }

    @Test
    void whatStopsAllWorkersIsNewsOnce() {
        Pulse other = scene.watch.worker("copy-1");
        ConnectionPulse second = other.opening("copy-target-9", Side.TARGET, "nbd://hub");
        other.stage(Stage.COPYING);
        second.issued(Wait.WRITE, 0, 1);
        scene.issued(scene.target, Wait.WRITE, 1).passes(Duration.ofSeconds(61), other::turn);
        assertEquals(2, scene.reports.size(), "the copier needs to hear of each");
        assertEquals(1, scene.reports.stream().filter(StallReport::news).count());
        second.answered(Wait.WRITE, 0, 1, Outcome.ANSWERED);
        scene.passes(Duration.ofSeconds(1), other::turn);
        assertFalse(scene.reports.getLast().news(), "one still stands");
        scene.target.answered(Wait.WRITE, 66L << 18, 1 << 18, Outcome.ANSWERED);
        scene.passes(Duration.ofSeconds(1), other::turn);
        assertEquals(4, scene.reports.size());
        assertTrue(scene.reports.getLast().news());
    }

    @Test
    void aWorkerThatGaveUpDoesNotMoveAgain() {
        scene.issued(scene.target, Wait.WRITE, 1).passes(61);
        scene.target.closed(Outcome.TIMED_OUT, "gave up");
        scene.stage(Stage.DONE).passes(100);
        assertEquals(1, scene.reports.size());
    }

    @Test
    void anOldLossIsForgotten() {
        scene.issued(scene.target, Wait.FLUSH, 1).passes(15);
        scene.target.closed(Outcome.LOST, "broken");
        scene.stage(Stage.BACKING_OFF).passes(1);
        assertEquals("target-flush", scene.layer());
        // From now on the worker only reads: there is no flush that could be answered.
        scene.stage(Stage.COPYING).passes(Duration.ofSeconds(70), () -> {
            scene.source.issued(Wait.READ, 0, 1);
            scene.source.answered(Wait.READ, 0, 1, Outcome.ANSWERED);
        });
        assertEquals(Motion.MOVING, scene.verdict().motion());
        assertEquals(0, scene.reports.size());
    }

    private static void greet(ConnectionPulse connection) {
        connection.listener().waiting("x", Wait.GREETING, Duration.ofSeconds(15));
        connection.listener().answered("x", Wait.GREETING, Duration.ZERO);
    }

    @Test
    void timeInWhichThisProcessDidNotRunDoesNotCount() {
        scene.issued(scene.target, Wait.WRITE, 1).passes(30);
        Duration stopped = Duration.ofMinutes(20);
        scene.clock.pass(stopped);
        scene.wall.pass(stopped);
        scene.passes(29);
        assertEquals(Motion.SLOW, scene.verdict().motion());
        assertEquals(0, scene.reports.size());
        assertTrue(scene.watch.dump().contains("this process did not run for 20 min"), scene.watch.dump());
        scene.passes(2);
        assertEquals(1, scene.reports.size(), "running time counts on");
        assertTrue(scene.reports.getFirst().evidence().contains("for 60 s"), scene.reports.toString());
    }

    @Test
    void aMachineThatSleptIsNoted() {
        scene.issued(scene.target, Wait.WRITE, 1).passes(30);
        scene.wall.pass(Duration.ofHours(8)); // The running clock of Linux stands still meanwhile.
        scene.passes(1);
        assertTrue(scene.watch.dump().contains("the wall clock went on by 8 h while nothing ran"), scene.watch.dump());
        assertEquals(Motion.SLOW, scene.verdict().motion());
    }

    @Test
    void anOverloadedMachineStillFindsAStallInTheEnd() {
        scene.issued(scene.target, Wait.WRITE, 1);
        for (int i = 0; i < 300 && scene.reports.isEmpty(); i++) {
            scene.clock.pass(3000);
            scene.wall.pass(3000);
            scene.passes(Duration.ofMillis(250));
        }
        assertEquals(1, scene.reports.size());
    }

    @Test
    void theRateIsThatOfDataAndSurvivesAStop() {
        scene.progress.planned(1L << 30, 0);
        scene.progress.phase(Progress.Phase.COPYING);
        Progress.UnitTally unit = scene.progress.worker().unit();
        unit.listed(1L << 30, 512 << 20);
        scene.passes(Duration.ofSeconds(20), () -> {
            unit.copied(10 << 20);
            unit.skipped(20 << 20);
        });
        double before = scene.watch.progress().bytesPerSecond();
        assertEquals(10 << 20, before, 3 << 20);
        scene.clock.pass(Duration.ofHours(1));
        scene.wall.pass(Duration.ofHours(1));
        scene.watch.tick();
        assertEquals(before, scene.watch.progress().bytesPerSecond(), 1);
        Eta eta = scene.watch.progress().eta();
        assertEquals(Eta.Kind.KNOWN, eta.kind());
        assertTrue(Math.abs(31 - eta.left().toSeconds()) < 5, eta.toString());
    }

    @Test
    void theRealThreadReportsInTimeAndOutlivesAFaultOfTheListener() throws InterruptedException {
        LinkedBlockingQueue<StallReport> reports = new LinkedBlockingQueue<>();
        WatchLimits limits = new WatchLimits(
                Duration.ofMillis(300), Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofMillis(50));
        WatchedJob job = new WatchedJob("", "nbd://a", "nbd://b");
        try (StallWatch watch = new StallWatch(job, limits, new Progress(), report -> {
            reports.add(report);
            throw new IllegalStateException("the listener fails, as a test");
        })) {
            Pulse worker = watch.worker("copy-0");
            ConnectionPulse target = worker.opening("copy-target-0", Side.TARGET, "nbd://b");
            worker.stage(Stage.COPYING);
            target.issued(Wait.WRITE, 0, 4096);
            watch.start();
            assertNotNull(reports.poll(1500, TimeUnit.MILLISECONDS));
            target.answered(Wait.WRITE, 0, 4096, Outcome.ANSWERED);
            StallReport over = reports.poll(1000, TimeUnit.MILLISECONDS);
            assertNotNull(over);
            assertTrue(over.over());
        }
    }

    @Test
    void aThreadThatComputesIsToldFromOneThatSleeps() throws InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Pulse busy = new Pulse("busy", WatchLimits.DEFAULT, new SlowWaits(Long.MAX_VALUE), System::nanoTime);
        Pulse idle = new Pulse("idle", WatchLimits.DEFAULT, new SlowWaits(Long.MAX_VALUE), System::nanoTime);
        CountDownLatch begun = new CountDownLatch(2);
        Thread.ofPlatform().daemon().start(() -> {
            busy.adopt();
            begun.countDown();
            while (end.getCount() > 0) {
                Thread.onSpinWait();
            }
        });
        Thread.ofPlatform().daemon().start(() -> {
            idle.adopt();
            begun.countDown();
            try {
                end.await(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        assertTrue(begun.await(5, TimeUnit.SECONDS));
        CpuMeter meter = new CpuMeter();
        for (int i = 0; i < 2; i++) {
            for (Pulse pulse : new Pulse[] {busy, idle}) {
                Thread thread = pulse.read().thread();
                assertNotNull(thread);
                meter.sample(thread, System.nanoTime());
            }
            Thread.sleep(300);
        }
        // Sampled before the second sleep; the share of the time between the two samples.
        assertTrue(meter.share(busy.read()) > 0.02, "busy: " + meter.share(busy.read()));
        assertTrue(meter.share(idle.read()) < 0.02, "idle: " + meter.share(idle.read()));
        end.countDown();
    }
}
