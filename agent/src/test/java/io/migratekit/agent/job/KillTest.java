package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What does a killed run leave behind? All that it was told is durable, and at most what it was just recording. */
class KillTest {
    private static final int KILLS = Integer.getInteger("migratekit.kills", 50);
    private static final long UNITS_OF_A_RUN = 1_000_000;
    /** JVMs that have started and wait for their turn. */
    private static final int IN_WAITING = 2;

    @TempDir
    private Path state;

    private final Random random = Jobs.random("KillTest");
    private final Deque<ChildJvm> waiting = new ArrayDeque<>();
    private final Set<Long> expected = new HashSet<>();
    private int started;
    private int duringAppend;

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES) // For -Dmigratekit.kills=1000; fifty take a quarter of a minute.
    void whatWasReportedDurableSurvivesEveryKill() throws IOException, InterruptedException {
        try {
            for (int kill = 0; kill < KILLS; kill++) {
                List<String> said = killedRun(kill);
                Set<Long> tried = units(said, "try ");
                expected.addAll(units(said, "done "));
                duringAppend += expected.containsAll(tried) ? 0 : 1;
                if (random.nextBoolean()) {
                    cutThePower();
                }
                check(kill, tried);
            }
        } finally {
            waiting.forEach(ChildJvm::close);
        }
        long cuts = new JobStore(state)
                .journal(new JobId("job"), Integer.MAX_VALUE).stream()
                        .filter(line -> line.event().equals("progress-cut"))
                        .count();
        System.out.println("KillTest: " + KILLS + " kills, " + duringAppend + " while recording, " + cuts
                + " torn ends, " + expected.size() + " units");
        assertTrue(duringAppend >= KILLS / 5, "only " + duringAppend + " kills hit a run that was recording");
        assertTrue(cuts >= KILLS / 20, "only " + cuts + " torn ends");
    }

    /** What was not synced yet may be lost from any place on, or come out as something else. */
    private void cutThePower() throws IOException {
        Path log = state.resolve("jobs/job/progress.log");
        if (!Files.exists(log)) {
            return; // Killed before it had one.
        }
        long synced = ProgressFormat.HEADER_BYTES
                + expected.stream().mapToLong(Jobs::recordBytes).sum();
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
            long unsynced = file.length() - synced;
            if (unsynced > 0) {
                file.setLength(synced + random.nextLong(unsynced + 1));
                file.seek(synced + random.nextLong(unsynced));
                file.write(random.nextInt(256));
            }
        }
    }

    private void check(int kill, Set<Long> tried) {
        try (JobRun run = Jobs.open(state, "job")) {
            Set<Long> shown = new HashSet<>();
            run.payloads().forEachRemaining(unit -> {
                assertEquals(Jobs.unit(unit.unit()), unit);
                assertTrue(run.isDurable(unit.unit()));
                shown.add(unit.unit());
            });
            assertEquals(shown.size(), run.durableUnits());
            assertTrue(shown.containsAll(expected), "after kill " + kill + " something is missing");
            shown.removeAll(expected);
            assertTrue(tried.containsAll(shown), "after kill " + kill + " there is something that nobody wrote");
            expected.addAll(shown);
        }
    }

    /** What a run said until it was killed: mostly at some moment of its work, sometimes while it opens the job. */
    private List<String> killedRun(int number) throws IOException, InterruptedException {
        while (waiting.size() <= IN_WAITING && started < KILLS) {
            String first = Long.toString(started * UNITS_OF_A_RUN);
            waiting.add(ChildJvm.start(
                    AppendingRunner.class,
                    "64m",
                    state.toString(),
                    first,
                    go(started).toString()));
            started++;
        }
        try (ChildJvm child = waiting.remove()) {
            Files.createFile(go(number));
            if (random.nextInt(8) > 0) {
                child.awaitLine("ready");
            }
            TimeUnit.MICROSECONDS.sleep(random.nextInt(60_000));
            child.kill();
            return child.lines();
        }
    }

    private Path go(int number) {
        return state.resolve("go." + number);
    }

    private static Set<Long> units(List<String> said, String beginning) {
        Set<Long> units = new HashSet<>();
        for (String line : said) {
            if (line.startsWith(beginning)) {
                String[] words = line.split(" ", -1);
                for (long unit = Long.parseLong(words[1]); unit < Long.parseLong(words[2]); unit++) {
                    units.add(unit);
                }
            }
        }
        return units;
    }
}
