package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Is a copy right although connections break, to either end, in the midst of anything? */
class BrokenRoadTest {
    private static final int DISK_BYTES = 24 << 20;
    private static final int ROUNDS = Integer.getInteger("migratekit.rounds", 3);

    @Test
    @Timeout(3600)
    void whatALostConnectionLeftUnfinishedIsCopiedAnew(@TempDir Path folder) throws Exception {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("BrokenRoadTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        for (int i = 0; i < ROUNDS; i++) {
            Path directory = Files.createDirectory(folder.resolve("round-" + i));
            try (CopyLab lab = new CopyLab(directory)) {
                round(lab, new Random(seed + i), directory);
            }
        }
    }

    @Test
    @Timeout(60)
    void aServerThatComesBackWithAnotherDiskIsNotCopied(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("from.sock");
        try (CopyLab lab = new CopyLab(folder)) {
            String target = lab.serve(Nbdkit.plugin("memory", "size=24M"));
            String source = lab.serve(slow(lab, DISK_BYTES, socket));
            CompletableFuture<CopyReport> copy =
                    CompletableFuture.supplyAsync(() -> lab.copy(CopyLab.spec(source, target)));
            Waiting.until("the first byte at the target", Duration.ofSeconds(10), () -> lab.content(target)[0] != 0);
            lab.stopLast();
            lab.serve(slow(lab, DISK_BYTES / 2, socket));
            ExecutionException failure = assertThrows(ExecutionException.class, () -> copy.get(20, TimeUnit.SECONDS));
            CopyException.Refused refused = assertInstanceOf(CopyException.Refused.class, failure.getCause());
            assertTrue(
                    String.valueOf(refused.getMessage())
                            .contains("serves something else: 12582912 bytes, before it were 25165824"),
                    refused.toString());
        }
    }

    private static Nbdkit.Builder slow(CopyLab lab, int bytes, Path socket) {
        return Nbdkit.plugin("file", "file=" + lab.noiseFile(bytes, 3))
                .unixSocket(socket)
                .filter("rate")
                .parameter("rate=40M")
                .parameter("burstiness=0.1");
    }

    private static void round(CopyLab lab, Random random, Path directory) throws Exception {
        RandomDisk disk = new RandomDisk(lab, random);
        Path from = directory.resolve("from.sock");
        Path to = directory.resolve("to.sock");
        // Slowed down by "rate": a reset in the midst of its filter "delay" ends all of nbdkit 1.32.
        String source = lab.serve(Nbdkit.plugin("file", "file=" + lab.noiseFile(DISK_BYTES, random.nextLong()))
                .option("--threads=1") // With more of them nbdkit 1.32 can end itself when a client leaves.
                .unixSocket(from)
                .filter("rate")
                .parameter("rate=300M")
                .parameter("burstiness=0.1"));
        String target =
                lab.serve(QemuNbd.of(disk.qcow2(DISK_BYTES), Format.QCOW2, 0).unixSocket(to));
        byte[] wanted = lab.content(source);
        AtomicInteger cuts = new AtomicInteger();
        try (FaultProxy sourceRoad = FaultProxy.to(UnixDomainSocketAddress.of(from));
                FaultProxy targetRoad = FaultProxy.to(UnixDomainSocketAddress.of(to))) {
            CopyLimits limits = new CopyLimits(
                    random.nextInt(1, 5),
                    random.nextInt(1, 5),
                    64 << 10,
                    1 << 20,
                    4 << 20,
                    Duration.ofMillis(200),
                    Duration.ofSeconds(20),
                    Duration.ofMillis(300),
                    1 << 20);
            CopySpec spec = CopyLab.verifying(CopyLab.spec(sourceRoad.uri(""), targetRoad.uri(""), limits));
            CopyReport report = whileBreaking(random, cuts, sourceRoad, targetRoad, () -> lab.copy(spec));
            Progress.Counts counts = report.counts();
            assertTrue(cuts.get() > 0, "the copy was over before anything was cut");
            assertArrayEquals(wanted, lab.content(target));
            assertEquals(DISK_BYTES, counts.planned());
            assertEquals(
                    DISK_BYTES,
                    counts.copied() + counts.zeroed() + counts.zeroesInData() + counts.skipped(),
                    counts.toString());
            assertEquals(DISK_BYTES, counts.verified(), counts.toString());
            String other = lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES));
            assertEquals(lab.copy(CopyLab.spec(source, other)).hashRoot(), report.hashRoot());
        }
    }

    private interface Copy {
        CopyReport run();
    }

    /** Cuts one road or the other every so often, at most twenty times, so that the copy ends some day. */
    private static CopyReport whileBreaking(
            Random random, AtomicInteger cuts, FaultProxy one, FaultProxy other, Copy copy) throws Exception {
        Thread breaker = Thread.ofPlatform().daemon().start(() -> {
            BooleanSupplier goesOn =
                    () -> cuts.get() < 20 && !Thread.currentThread().isInterrupted();
            while (goesOn.getAsBoolean()) {
                try {
                    Thread.sleep(random.nextInt(20, 200));
                } catch (InterruptedException e) {
                    return;
                }
                FaultProxy road = random.nextBoolean() ? one : other;
                int after = random.nextInt(3) == 0 ? 0 : random.nextInt(100_000);
                road.setFromNow(random.nextBoolean() ? Fault.cutAfter(after) : Fault.resetAfter(after));
                cuts.incrementAndGet();
                sleepShortly();
                road.set(Fault.none());
            }
        });
        try {
            return copy.run();
        } finally {
            breaker.interrupt();
            assertTrue(breaker.join(Duration.ofSeconds(5)));
        }
    }

    private static void sleepShortly() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
