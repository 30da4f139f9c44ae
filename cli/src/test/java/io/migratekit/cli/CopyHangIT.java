package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Does a copy ever get stuck? Whatever stands still around it, it ends within its limits, with the code and the layer of
 * what stood still; and what only pauses or is slow, it survives.
 */
@Execution(ExecutionMode.CONCURRENT)
class CopyHangIT {
    private static final int MIB = 1 << 20;
    private static final Duration LIMIT = Duration.ofSeconds(30);
    /** Silence ends a wait after 1 s, and nothing is tried for longer than 3 s. */
    private static final List<String> IMPATIENT =
            List.of("--timeout", "1s", "--stall-after", "2s", "--retry-for", "3s");

    private static final ByteRange[] DATA = {new ByteRange(0, 20 * MIB), new ByteRange(40 * MIB, 12 * MIB)};

    /** A worker that lists the source's extents when the source freezes waits for so long. */
    private static final List<String> ALSO_FOR_EXTENTS = List.of(words(IMPATIENT, "--extents-timeout", "2s"));

    @TempDir
    private Path folder;

    @Test
    void aSourceThatFreezesIsNamed() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = slowCopy(lab, ALSO_FOR_EXTENTS)) {
            awaitMoving(lab);
            try (Frozen _ = Frozen.process(lab.sourcePid())) {
                Run run = copy.end(Duration.ofSeconds(12));
                assertEquals(60, run.code(), run.err());
                assertSaid(run, "copy: source: ", "stalled in source-");
                assertTrue(run.err().contains("worker-"), run.err());
            }
            finishes(lab);
        }
    }

    @Test
    void aTargetThatFreezesIsNamed() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = slowCopy(lab, IMPATIENT)) {
            awaitMoving(lab);
            try (Frozen _ = Frozen.process(lab.targetPid())) {
                Run run = copy.end(Duration.ofSeconds(12));
                assertEquals(60, run.code(), run.err());
                assertSaid(run, "copy: target: ", "stalled in target-");
            }
            finishes(lab);
        }
    }

    @Test
    void whatGoesOnInTimeIsForgiven() throws Exception {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = slowCopy(lab, List.of("--timeout", "1s", "--stall-after", "2s"))) {
            awaitMoving(lab);
            try (Frozen _ = Frozen.processes(List.of(lab.sourcePid(), lab.targetPid()))) {
                Thread.sleep(4000);
            }
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertSame(lab);
        }
    }

    @Test
    void aRoadThatSwallowsEverythingIsNamed() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = slowCopy(lab, IMPATIENT)) {
            awaitMoving(lab);
            lab.targetRoad().freeze();
            Run run = copy.end(Duration.ofSeconds(15));
            assertEquals(60, run.code(), run.err());
            assertSaid(run, "copy: target: ", "stalled in target-");
            lab.targetRoad().thaw();
            finishes(lab);
        }
    }

    @Test
    void aTrickleIsSlowAndNotHung() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY, new ByteRange(0, MIB + MIB / 2))) {
            lab.sourceRoad().set(Fault.trickle(200_000));
            lab.targetRoad().set(Fault.trickle(20_000));
            try (CopyProcess copy = lab.copy(words(IMPATIENT))) {
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertTrue(run.took().compareTo(Duration.ofSeconds(4)) > 0, "it was not slow: " + run.took());
                assertFalse(run.err().contains("stalled"), run.err());
            }
            assertSame(lab);
        }
    }

    @Test
    void extentsMayTakeTheirTime() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withSource("delay", "delay-extents=5"), new ByteRange(0, MIB));
                CopyProcess copy = lab.copy(words(IMPATIENT, "--extents-timeout", "60s"))) {
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertFalse(run.err().contains("stalled"), run.err());
            assertFalse(run.out().contains("warning"), run.out());
            assertSame(lab);
        }
    }

    @Test
    void withoutExtentsInTimeEverythingIsRead() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withSource("delay", "delay-extents=90"), new ByteRange(0, MIB));
                CopyProcess copy = lab.copy(words(IMPATIENT, "--extents-timeout", "2s"))) {
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertEquals(
                    1,
                    run.out().lines().filter(line -> line.startsWith("warning")).count(),
                    run.out());
            assertTrue(run.out().contains("the source does not list its extents, so everything is read"), run.out());
            assertSame(lab);
        }
    }

    @Test
    void onlyASourceHasMoreTimeForItsExtents() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withTarget("delay", "delay-extents=90"), new ByteRange(0, MIB));
                CopyProcess copy = lab.copy(words(IMPATIENT))) {
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("the target does not list its extents, so zeroes are written"), run.out());
            assertSame(lab);
        }
    }

    @Test
    void aServerThatConnectsButDoesNotAnswerIsNamed() throws IOException {
        Path control = folder.resolve("pause.sock");
        Servers servers = Servers.HEALTHY.withTarget("pause", "pause-control=" + control);
        try (CopyLab lab = lab(servers);
                CopyProcess copy = slowCopy(lab, IMPATIENT)) {
            awaitMoving(lab);
            send(control, "p");
            Run run = copy.end(Duration.ofSeconds(15));
            assertEquals(60, run.code(), run.err());
            assertSaid(run, "copy: target: ", "stalled in target-");
            // Not resumed: nbdkit 1.32 can end itself when it answers clients that have left.
            lab.restartTarget();
            finishes(lab);
        }
    }

    @Test
    void anErrorThatPassesIsForgivenAndOneThatStaysIsTheEnd() throws Exception {
        Path trigger = folder.resolve("fail");
        Servers servers = Servers.HEALTHY.withSource(
                "error", "error-pread=EIO", "error-pread-rate=100%", "error-pread-file=" + trigger);
        try (CopyLab lab = lab(servers)) {
            try (CopyProcess copy = slowCopy(lab, ALSO_FOR_EXTENTS)) {
                awaitMoving(lab);
                Files.createFile(trigger);
                Run run = copy.end(Duration.ofSeconds(12));
                assertEquals(33, run.code(), run.err());
                assertSaid(run, "copy: source: ", "Input/output error", "(3 attempts)");
            }
            int noted = lab.journal().length();
            try (CopyProcess copy = slowCopy(lab, ALSO_FOR_EXTENTS)) {
                Waiting.until(
                        "attempts have failed",
                        LIMIT,
                        () -> lab.journal().substring(noted).contains("the request will be made again"));
                Files.delete(trigger);
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertTrue(run.out().contains("requests failed at first and had to be made again"), run.out());
            }
            assertSame(lab);
        }
    }

    @Test
    void anErrorOfTheTargetIsTheTargets() throws Exception {
        for (String error : List.of("EIO", "ENOSPC")) {
            Path trigger = folder.resolve("fail-" + error);
            Servers servers = Servers.HEALTHY.withTarget(
                    "error", "error-pwrite=" + error, "error-pwrite-rate=100%", "error-pwrite-file=" + trigger);
            Path place = Files.createDirectory(folder.resolve(error));
            try (CopyLab lab = new CopyLab(place, 3, servers, 64 * MIB, DATA);
                    CopyProcess copy = slowCopy(lab, ALSO_FOR_EXTENTS)) {
                awaitMoving(lab);
                Files.createFile(trigger);
                Run run = copy.end(Duration.ofSeconds(12));
                assertEquals(error.equals("EIO") ? 33 : 40, run.code(), run.err());
                assertSaid(run, error.equals("EIO") ? "copy: target: " : "make room and run the same job again");
                Files.delete(trigger);
                finishes(lab);
            }
        }
    }

    @Test
    void oneSlotIsEnough() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withTargetSlots(1));
                CopyProcess copy = lab.copy(words(IMPATIENT, "--connections", "4"))) {
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertSame(lab);
        }
    }

    /** The server says that it can do several, but somebody else has them. */
    @Test
    void slotsThatOthersHaveAreNotWaitedForForEver() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withTargetSlots(2));
                NbdConnection _ = NbdConnection.open(
                        NbdUri.parse(lab.targetRoad().uri("disk")), ConnectSpec.of("somebody else"));
                CopyProcess copy = slowCopy(lab, List.of("--connections", "4"))) {
            Run run = copy.end(LIMIT);
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("got no connection of its own and is not needed"), run.out());
            assertSame(lab);
        }
    }

    @Test
    void aServerThatIsGoneForGoodEndsTheCopy() throws IOException {
        for (String end : List.of("source", "target")) {
            Path place = Files.createDirectory(folder.resolve(end));
            try (CopyLab lab = new CopyLab(place, 3, Servers.HEALTHY, 64 * MIB, DATA);
                    CopyProcess copy = slowCopy(lab, ALSO_FOR_EXTENTS)) {
                awaitMoving(lab);
                if (end.equals("source")) {
                    lab.killSource();
                } else {
                    lab.killTarget();
                }
                Run run = copy.end(Duration.ofSeconds(12));
                assertEquals(end.equals("source") ? 10 : 30, run.code(), run.err());
                assertSaid(run, "copy: " + end + ": ");
            }
        }
    }

    private static void send(Path socket, String word) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap(word.getBytes(StandardCharsets.US_ASCII)));
            channel.read(ByteBuffer.allocate(1)); // The filter says when it is so, which it says in capitals.
        }
    }

    private static void awaitMoving(CopyLab lab) {
        long before = lab.targetRoad().bytesToServer();
        Waiting.until("data moves", LIMIT, () -> lab.targetRoad().bytesToServer() > before + 4 * MIB);
    }

    private static void finishes(CopyLab lab) {
        try (CopyProcess again = lab.copy("--checkpoint-every", "4M", "--verify")) {
            Run run = again.end(LIMIT);
            assertEquals(0, run.code(), () -> lab.sourceSays() + run.err());
        }
        assertSame(lab);
    }

    private static void assertSame(CopyLab lab) {
        assertEquals(0, lab.compare().exitStatus(), () -> lab.compare().toString());
    }

    private static void assertSaid(Run run, String... words) {
        for (String each : words) {
            assertTrue(run.err().contains(each), () -> "'" + each + "' was not said: " + run.err());
        }
    }

    /** Slow enough to be broken in the middle, which takes about 4 s. */
    private static CopyProcess slowCopy(CopyLab lab, List<String> options) {
        return lab.copy(words(options, "--checkpoint-every", "4M", "--rate", "8M"));
    }

    private static String[] words(List<String> options, String... more) {
        return Stream.concat(options.stream(), Stream.of(more)).toArray(String[]::new);
    }

    private CopyLab lab(Servers servers) throws IOException {
        return lab(servers, DATA);
    }

    private CopyLab lab(Servers servers, ByteRange... data) throws IOException {
        return new CopyLab(folder, 3, servers, 64 * MIB, data);
    }
}
