package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Does a copy go on where it was, whatever kills it or its servers, and is the result right? Kills at random moments,
 * then the same command again, until it says that it is done; then every byte is compared. {@code bin/soak copy} does
 * the same for longer: system properties say how long, and which seed.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class CopyResumeIT {
    private static final long MIB = 1 << 20;
    private static final ByteRange[] DATA = {
        new ByteRange(0, 24 * MIB), new ByteRange(40 * MIB, 16 * MIB), new ByteRange(100 * MIB, 24 * MIB)
    };
    private static final long DATA_BYTES = 64 * MIB;
    private static final long DISK_BYTES = 128 * MIB;
    /** Requests have headers, connections have handshakes, and zeroes are requests as well. */
    private static final long OVERHEAD_BYTES = MIB;

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    @TempDir
    private Path folder;

    /** What is killed. */
    private enum Victim {
        COPY,
        SOURCE,
        TARGET,
        SOURCE_CONNECTION,
        TARGET_CONNECTION
    }

    @Test
    @Timeout(value = 4, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void goesOnAfterKillsAtRandomMoments() throws Exception {
        int kills = Integer.getInteger("soak.kills", 12);
        System.out.println("copy resume: seed=" + seed + " kills=" + kills);
        try (CopyLab lab = new CopyLab(folder, seed, Servers.HEALTHY, DISK_BYTES, DATA)) {
            int done = 0;
            for (int round = 1; done < kills; round++) {
                long windowBytes = (4L << random.nextInt(3)) * MIB;
                int inThisRound = Math.min(kills - done, 12);
                round(lab, round, windowBytes, inThisRound);
                done += inThisRound;
                System.out.println("copy resume: " + done + " of " + kills + " kills, all well");
                if (done < kills) {
                    lab.forget();
                }
            }
        }
    }

    private void round(CopyLab lab, int round, long windowBytes, int kills) throws InterruptedException {
        long sentBefore = lab.targetRoad().bytesToServer();
        long allowedBytes = DATA_BYTES + OVERHEAD_BYTES;
        String rate = (6 + random.nextInt(10)) + "M";
        CopyProcess copy = start(lab, windowBytes, rate);
        try {
            for (int i = 0; i < kills; i++) {
                Thread.sleep(100 + random.nextInt(1100));
                Victim victim = Victim.values()[random.nextInt(Victim.values().length)];
                kill(lab, copy, victim);
                allowedBytes += windowBytes;
                if (!copy.isAlive()) {
                    if (victim != Victim.COPY) {
                        // It was not killed, so it had finished, or given up before its first connection was there.
                        Run run = copy.end(LIMIT);
                        assertTrue(List.of(0, 10, 30).contains(run.code()), () -> victim + " " + run);
                    }
                    copy = start(lab, windowBytes, rate);
                }
            }
            Run run = copy.end(LIMIT);
            for (int again = 0; run.code() != 0 && again < 3; again++) {
                assertTrue(List.of(10, 30).contains(run.code()), run.toString());
                copy = start(lab, windowBytes, "0");
                run = copy.end(LIMIT);
            }
            assertEquals(0, run.code(), "seed=" + seed + " " + run);
            assertTrue(run.out().contains("\"verified\":true"), run.out());
        } finally {
            copy.close();
        }
        long sent = lab.targetRoad().bytesToServer() - sentBefore;
        System.out.println("copy resume: round " + round + ", window " + windowBytes / MIB + " MiB, rate " + rate + ", "
                + kills + " kills: sent again " + (sent - DATA_BYTES) / 1024 + " KiB");
        assertTrue(sent <= allowedBytes, "seed=" + seed + ": " + sent + " bytes were sent, allowed " + allowedBytes);
        var compared = lab.compare();
        assertEquals(0, compared.exitStatus(), "seed=" + seed + " " + compared);
        lab.startSource();
        lab.startTarget();
    }

    private static CopyProcess start(CopyLab lab, long windowBytes, String rate) {
        return lab.copy(
                "--checkpoint-every",
                Long.toString(windowBytes),
                "--rate",
                rate,
                "--verify",
                "--json",
                "--timeout",
                "5s");
    }

    private void kill(CopyLab lab, CopyProcess copy, Victim victim) throws InterruptedException {
        switch (victim) {
            case COPY -> copy.kill();
            case SOURCE -> {
                lab.killSource();
                Thread.sleep(random.nextInt(300));
                lab.startSource();
            }
            case TARGET -> {
                lab.killTarget();
                Thread.sleep(random.nextInt(300));
                lab.startTarget();
            }
            case SOURCE_CONNECTION -> lab.sourceRoad().cutOne(random.nextInt());
            case TARGET_CONNECTION -> lab.targetRoad().cutOne(random.nextInt());
        }
    }

    /** The moment when a job's files come into being is as good as any other. */
    @Test
    void goesOnAfterKillsDuringItsFirstCheckpoint() throws IOException, InterruptedException {
        System.out.println("copy resume: seed=" + seed);
        try (CopyLab lab = new CopyLab(folder, seed, Servers.HEALTHY, DISK_BYTES, DATA)) {
            for (int i = 0; i < 5; i++) {
                try (CopyProcess copy = start(lab, 4 * MIB, "30M")) {
                    Waiting.until("the job begins", LIMIT, () -> Files.exists(lab.jobFolder()) || !copy.isAlive());
                    Thread.sleep(random.nextInt(60));
                    copy.kill();
                }
            }
            try (CopyProcess copy = start(lab, 4 * MIB, "0")) {
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
            }
            assertEquals(0, lab.compare().exitStatus());
        }
    }

    @Test
    void goesOnAfterAKillWhileItCompares() throws IOException {
        try (CopyLab lab = new CopyLab(folder, seed, Servers.HEALTHY, DISK_BYTES, DATA)) {
            try (CopyProcess copy = start(lab, 16 * MIB, "30M")) {
                Waiting.until(
                        "it compares",
                        LIMIT,
                        () -> lab.ask("status", "--json").out().contains("\"verifying\"") || !copy.isAlive());
                copy.kill();
                assertEquals(-1, copy.err().indexOf("Exception"), copy.err());
            }
            long sent = lab.targetRoad().bytesToServer();
            try (CopyProcess copy = start(lab, 16 * MIB, "0")) {
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertTrue(run.out().contains("\"copied\":0,"), run.out());
                assertTrue(run.out().contains("\"verified\":true"), run.out());
            }
            assertTrue(lab.targetRoad().bytesToServer() - sent < OVERHEAD_BYTES, "it copied again");
            assertEquals(0, lab.compare().exitStatus());
        }
    }

    /** However long the target takes to make things durable, no more than the window waits for it. */
    @Test
    void aSlowFlushDoesNotWidenTheWindow() throws Exception {
        try (CopyLab lab = new CopyLab(folder, seed, Servers.HEALTHY, DISK_BYTES, DATA);
                Nbdkit sink = Nbdkit.plugin("eval", "get_size=echo " + DISK_BYTES, "thread_model=echo parallel")
                        .parameter("pread=head -c $3 /dev/zero")
                        .parameter("pwrite=cat > /dev/null")
                        .parameter("can_flush=exit 0")
                        .parameter("can_multi_conn=exit 0")
                        .parameter("flush=sleep 5")
                        .loopbackPort(0)
                        .start();
                FaultProxy road = FaultProxy.toLoopback(
                        ((NbdUri.Tcp) NbdUri.parse(sink.uri()).transport()).port());
                CopyProcess copy = CopyProcess.start(
                        folder,
                        List.of(),
                        List.of("copy", lab.sourceRoad().uri("disk"), road.uri(""), "--checkpoint-every", "4M"))) {
            Waiting.until("data moves", LIMIT, () -> road.bytesToServer() > 3 * MIB);
            Thread.sleep(2000);
            assertTrue(copy.isAlive(), copy.err());
            long sent = road.bytesToServer();
            assertTrue(sent <= 4 * MIB + OVERHEAD_BYTES, sent + " bytes were sent without a flush");
        }
    }

    /** A unit may take longer than the budget for reconnecting, if it moves. */
    @Test
    void aLossAfterALongSlowUnitIsForgiven() throws Exception {
        try (CopyLab lab = new CopyLab(folder, seed, Servers.HEALTHY, DISK_BYTES, DATA)) {
            lab.sourceRoad().set(Fault.trickle(300_000));
            try (CopyProcess copy =
                    lab.copy("--timeout", "2s", "--retry-for", "2s", "--checkpoint-every", "64M", "--json")) {
                Waiting.until("it moves", LIMIT, () -> lab.sourceRoad().bytesToClient() > 2 * MIB);
                Thread.sleep(3000);
                lab.sourceRoad().setFromNow(Fault.cutAfter(0));
                Thread.sleep(100); // Nobody can connect meanwhile.
                lab.sourceRoad().set(Fault.none());
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertTrue(run.out().contains("\"warnings\":[]"), run.out());
            }
            assertEquals(0, lab.compare().exitStatus());
        }
    }
}
