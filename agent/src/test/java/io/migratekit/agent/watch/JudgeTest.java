package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Are moving, slow and stalled told apart, is the right layer named, and is nothing claimed that was not seen? */
class JudgeTest {
    record Case(String name, Consumer<Scene> story, Motion motion, String layer, String evidence) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case of(String name, Consumer<Scene> story, Motion motion, String layer, String evidence) {
        return new Case(name, story, motion, layer, evidence);
    }

    static List<Case> peers() {
        return List.of(
                of("a moment", s -> s.issued(s.target, Wait.WRITE, 64).passes(1), Motion.MOVING, "", ""),
                of(
                        "12 s on a write",
                        s -> s.issued(s.target, Wait.WRITE, 64).passes(12),
                        Motion.SLOW,
                        "target-write",
                        "copy-target-0: the target has not answered write of 262144 bytes at 17301504 for 12 s; 63 others"
                                + " in flight; last sign of life 12 s ago; it has answered nothing yet"),
                of(
                        "60 s on a write",
                        s -> s.issued(s.target, Wait.WRITE, 64).passes(60),
                        Motion.STALLED,
                        "target-write",
                        "has not answered write of 262144 bytes at 17301504 for 60 s; 63 others in flight"),
                of("zero", s -> s.issued(s.target, Wait.ZERO, 1).passes(60), Motion.STALLED, "target-write", "zero of"),
                of("flush", s -> s.issued(s.target, Wait.FLUSH, 1).passes(60), Motion.STALLED, "target-flush", "flush"),
                of(
                        "writes before a flush",
                        s -> s.issued(s.target, Wait.WRITE, 2)
                                .issued(s.target, Wait.FLUSH, 1)
                                .passes(60),
                        Motion.STALLED,
                        "target-write",
                        "2 others in flight (in all: 2 write, 1 flush)"),
                of(
                        "verify",
                        s -> s.issued(s.target, Wait.READ, 1).passes(60),
                        Motion.STALLED,
                        "target-read",
                        "read of"),
                of("read", s -> s.issued(s.source, Wait.READ, 1).passes(60), Motion.STALLED, "source-read", "read of"),
                of(
                        "extents may take their time",
                        s -> s.issued(s.source, Wait.BLOCK_STATUS, 1).passes(299),
                        Motion.SLOW,
                        "source-extents",
                        "the source has not answered block-status of 262144 bytes"),
                of(
                        "but not for ever",
                        s -> s.issued(s.source, Wait.BLOCK_STATUS, 1).passes(300),
                        Motion.STALLED,
                        "source-extents",
                        "for 5 min"),
                of(
                        "a read behind extents waits for them",
                        s -> s.issued(s.source, Wait.READ, 1)
                                .issued(s.source, Wait.BLOCK_STATUS, 1)
                                .passes(200),
                        Motion.SLOW,
                        "source-read",
                        "1 other in flight (in all: 1 block-status, 1 read)"),
                of(
                        "extents of the target",
                        s -> s.issued(s.target, Wait.BLOCK_STATUS, 1).passes(60),
                        Motion.STALLED,
                        "target-extents",
                        "the target has not answered block-status"),
                of(
                        "a trickle is slow",
                        s -> s.issued(s.target, Wait.WRITE, 1).passes(Duration.ofSeconds(500), s.target::progress),
                        Motion.SLOW,
                        "target-write",
                        "something arrives, but copy-target-0: the target has not answered"),
                of(
                        "and has an end",
                        s -> s.issued(s.target, Wait.WRITE, 1).passes(Duration.ofSeconds(600), s.target::progress),
                        Motion.STALLED,
                        "target-write",
                        "something arrives, but"),
                of(
                        "greeting",
                        s -> {
                            s.target.listener().waiting("x", Wait.GREETING, Duration.ofSeconds(15));
                            s.stage(Stage.CONNECTING).passes(12);
                        },
                        Motion.SLOW,
                        "target-connect",
                        "waiting for the NBD greeting of the target for 12 s"),
                of(
                        "one end stands still while the other one moves",
                        s -> s.issued(s.target, Wait.WRITE, 1).passes(Duration.ofSeconds(60), () -> {
                            s.source.issued(Wait.READ, 0, 1);
                            s.source.answered(Wait.READ, 0, 1, Outcome.ANSWERED);
                        }),
                        Motion.STALLED,
                        "target-write",
                        "the target has not answered"),
                of(
                        "a tunnel that is down",
                        s -> {
                            s.watch.roads(() -> List.of(new Road(Side.TARGET, "hub", false, "no keep-alive for 9 s")));
                            s.issued(s.target, Wait.WRITE, 1).passes(12);
                        },
                        Motion.SLOW,
                        "tunnel",
                        "tunnel hub is down: no keep-alive for 9 s; copy-target-0: the target has not answered"),
                of(
                        "the tunnel of the other end",
                        s -> {
                            s.watch.roads(() -> List.of(new Road(Side.SOURCE, "esx", false, "?")));
                            s.issued(s.target, Wait.WRITE, 1).passes(12);
                        },
                        Motion.SLOW,
                        "target-write",
                        "copy-target-0"));
    }

    static List<Case> ourselves() {
        return List.of(
                of("rate", s -> s.stage(Stage.RATE_LIMITED).passes(999), Motion.RESTING, "", "rate-limited"),
                of("pause", s -> s.stage(Stage.PAUSED).looksNoMore().passes(999), Motion.RESTING, "", "paused"),
                of(
                        "rate limit, but a server is silent",
                        s -> s.stage(Stage.RATE_LIMITED)
                                .issued(s.source, Wait.READ, 1)
                                .passes(60),
                        Motion.STALLED,
                        "source-read",
                        "the source has not answered"),
                of("done", s -> s.stage(Stage.DONE).looksNoMore().passes(999), Motion.RESTING, "", "no work"),
                of(
                        "all wait for one another",
                        s -> s.stage(Stage.WAITING_FOR_OTHERS).passes(60),
                        Motion.STALLED,
                        "local",
                        "all workers wait for others, and have done so for 60 s"),
                of(
                        "a disk that does not come back",
                        s -> s.stage(Stage.JOURNAL).looksNoMore().passes(60),
                        Motion.STALLED,
                        "local",
                        "writing the state of the job to the local disk has not returned for 60 s"),
                of(
                        "nobody looks, so nothing is said about the peers",
                        s -> s.issued(s.target, Wait.WRITE, 64).looksNoMore().passes(60),
                        Motion.STALLED,
                        "local",
                        "copy-0 has not looked at its connections for 60 s (so nothing can be said about the peers); it is"
                                + " copying 134217728 bytes at 16777216"),
                of(
                        "work, but nothing asked",
                        s -> s.passes(60),
                        Motion.STALLED,
                        "local",
                        "copy-0 is copying 134217728 bytes at 16777216 but has had no request in flight for 60 s"));
    }

    @ParameterizedTest
    @MethodSource({"peers", "ourselves"})
    void isJudgedAs(Case expected) {
        Scene scene = new Scene();
        expected.story().accept(scene);
        Verdict verdict = scene.verdict();
        assertAll(
                () -> assertEquals(expected.motion(), verdict.motion(), verdict.toString()),
                () -> assertEquals(expected.layer(), scene.layer(), verdict.toString()),
                () -> assertTrue(verdict.evidence().contains(expected.evidence()), verdict.evidence()),
                () -> assertFalse(verdict.evidence().toLowerCase(Locale.ROOT).contains("network")));
    }

    @Test
    void computingIsNotStalling() {
        Scene scene = new Scene();
        scene.issued(scene.target, Wait.WRITE, 1).looksNoMore().passes(90);
        WorkerView worker = scene.watch.look().workers().getFirst().view();
        AwakeClock clock = new AwakeClock(Duration.ofMillis(250), scene.clock.getAsLong(), 0);
        Verdict busy = judge(scene, clock, 0.97).of(worker);
        assertEquals(Motion.SLOW, busy.motion());
        assertEquals(Layer.LOCAL, busy.layer());
        assertTrue(busy.evidence().endsWith(", and uses 97 % of a CPU"), busy.evidence());
        assertEquals(Motion.STALLED, judge(scene, clock, 0.0).of(worker).motion());
    }

    private static Judge judge(Scene scene, AwakeClock clock, double cpu) {
        return new Judge(
                Scene.LIMITS, clock, scene.clock.getAsLong(), List.of(), worker -> cpu, side -> Optional.empty());
    }

    @Test
    void oneThatStandsStillMakesTheJobSlowNotStalled() {
        Scene scene = new Scene();
        scene.issued(scene.target, Wait.WRITE, 1);
        Pulse other = scene.watch.worker("copy-1");
        ConnectionPulse source = other.opening("copy-source-1", Side.SOURCE, "nbd://x");
        other.stage(Stage.COPYING);
        scene.passes(Duration.ofSeconds(61), () -> {
            source.issued(Wait.READ, 0, 1);
            source.answered(Wait.READ, 0, 1, Outcome.ANSWERED);
            other.turn();
        });
        assertEquals(Motion.SLOW, scene.verdict().motion());
        assertEquals("target-write", scene.layer());
        assertEquals(1, scene.reports.size());
        assertFalse(scene.reports.getFirst().wholeJob());
    }
}
