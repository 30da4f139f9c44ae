package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Are the numbers honest: each byte once, a rate that neither jumps nor dwells, an estimate only where there is one? */
class ProgressTest {
    private static final long MIB = 1 << 20;
    private final Progress progress = new Progress();

    @Test
    void everyPlannedByteEndsUpInOnePlace() {
        progress.planned(100 * MIB, 20 * MIB);
        Progress.Tally one = progress.worker();
        Progress.Tally two = progress.worker();
        Progress.UnitTally unit = one.unit();
        unit.listed(50 * MIB, 30 * MIB);
        unit.copied(25 * MIB);
        unit.zeroesInData(5 * MIB);
        unit.zeroed(10 * MIB);
        unit.skipped(10 * MIB);
        Progress.UnitTally other = two.unit();
        other.listed(30 * MIB, 30 * MIB);
        other.copied(10 * MIB);
        Progress.Counts counts = progress.counts();
        assertEquals(80 * MIB, counts.done());
        assertEquals(20 * MIB, counts.knownDataLeft());
        assertEquals(0, counts.unlisted());
        other.copied(20 * MIB);
        assertEquals(100 * MIB, progress.counts().done());
        assertEquals(0, progress.counts().knownDataLeft());
    }

    @Test
    void aUnitGivenBackIsUndoneAndItsDataCountsAsResent() {
        progress.planned(100 * MIB, 0);
        Progress.Tally tally = progress.worker();
        Progress.UnitTally lost = tally.unit();
        lost.listed(50 * MIB, 40 * MIB);
        lost.copied(30 * MIB);
        lost.zeroed(10 * MIB);
        long moved = progress.counts().moved();
        assertEquals(40 * MIB, lost.writtenBytes());
        lost.giveBack();
        lost.giveBack(); // Twice changes nothing.
        Progress.Counts counts = progress.counts();
        assertEquals(0, counts.done());
        assertEquals(0, counts.listed());
        assertEquals(30 * MIB, counts.resent());
        assertEquals(moved, counts.moved(), "what went through the ends did");
        Progress.UnitTally again = tally.unit();
        again.listed(50 * MIB, 40 * MIB);
        again.copied(40 * MIB);
        again.zeroed(10 * MIB);
        assertEquals(50 * MIB, progress.counts().done());
        assertEquals(70 * MIB, progress.counts().moved());
    }

    @Test
    void theEstimateSaysHowMuchItKnows() {
        progress.planned(1000 * MIB, 0);
        progress.phase(Progress.Phase.COPYING);
        Progress.UnitTally unit = progress.worker().unit();
        assertEta(Eta.Kind.UNKNOWN, 0, 10 * MIB, "nothing listed");
        unit.listed(20 * MIB, 20 * MIB);
        assertEta(Eta.Kind.AT_LEAST, 2, 10 * MIB, "2 % listed: only what is known counts");
        assertEta(Eta.Kind.UNKNOWN, 0, 0, "nothing moves");
        unit.listed(180 * MIB, 80 * MIB);
        unit.copied(50 * MIB);
        assertEta(Eta.Kind.ESTIMATED, 45, 10 * MIB, "50 known, and half of 800 assumed");
        unit.listed(800 * MIB, 0);
        assertEta(Eta.Kind.KNOWN, 5, 10 * MIB, "holes take no time");
        unit.copied(50 * MIB);
        assertEta(Eta.Kind.KNOWN, 0, 0, "no data left");
        progress.phase(Progress.Phase.FLUSHING);
        assertEta(Eta.Kind.UNKNOWN, 0, 10 * MIB, "nobody knows how long a flush takes");
        progress.phase(Progress.Phase.VERIFYING);
        progress.toVerify(100 * MIB);
        assertEta(Eta.Kind.KNOWN, 10, 10 * MIB, "all is to be read again");
    }

    @Test
    void onlyHolesSoFarIsNoReasonToPromiseTheEnd() {
        progress.planned(1000 * MIB, 0);
        progress.phase(Progress.Phase.COPYING);
        progress.worker().unit().listed(500 * MIB, 0);
        assertEta(Eta.Kind.UNKNOWN, 0, 10 * MIB, "the other half may be full");
    }

    @Test
    void theRateFollowsWithinItsMemoryAndIgnoresGaps() {
        Rate rate = new Rate(Duration.ofSeconds(5));
        long now = Long.MAX_VALUE - 1_000_000_000L;
        long bytes = 0;
        assertEquals(0, rate.perSecond());
        for (int i = 0; i < 8; i++) {
            rate.sample(now, bytes);
            now += 250_000_000L;
            bytes += 25 * MIB;
        }
        assertEquals(100.0 * MIB, rate.perSecond(), 0.01 * MIB, "right from the start");
        rate.skip(now += Duration.ofHours(1).toNanos(), bytes);
        assertEquals(100.0 * MIB, rate.perSecond(), 0.01 * MIB, "the gap says nothing");
        for (int i = 0; i < 40; i++) {
            rate.sample(now += 250_000_000L, bytes);
        }
        assertTrue(rate.perSecond() < 15.0 * MIB, "after ten seconds of nothing: " + rate.perSecond());
    }

    private void assertEta(Eta.Kind kind, long seconds, double rate, String why) {
        Eta eta = Eta.of(progress.counts(), rate);
        assertEquals(kind, eta.kind(), why);
        assertEquals(seconds, eta.left().toSeconds(), why);
    }
}
