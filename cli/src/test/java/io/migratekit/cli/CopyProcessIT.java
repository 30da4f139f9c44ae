package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How does a copy behave as a process: asked to stop, asked how it is, run twice, and short of descriptors or disk? */
class CopyProcessIT {
    private static final int MIB = 1 << 20;
    private static final ByteRange[] DATA = {new ByteRange(0, 32 * MIB)};
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path folder;

    @Test
    void stopsInGoodOrderAndGoesOn() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY)) {
            for (String signal : List.of("INT", "TERM")) {
                try (CopyProcess copy = slowCopy(lab)) {
                    awaitMoving(lab);
                    long begun = System.nanoTime();
                    copy.signal(signal);
                    Run run = copy.end(Duration.ofSeconds(7));
                    assertEquals(signal.equals("INT") ? 130 : 143, run.code(), run.err());
                    assertTrue(run.err().contains("run the same command again to go on"), run.err());
                    assertTrue(System.nanoTime() - begun < 3_000_000_000L, "a healthy server needs no grace");
                }
                Run status = lab.ask("status");
                assertTrue(status.out().contains("interrupted"), status.out());
            }
            try (CopyProcess copy = lab.copy("--checkpoint-every", "4M", "--json")) {
                Run run = copy.end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertFalse(run.out().contains("\"durable-before\":0,"), run.out());
            }
            assertEquals(0, lab.compare().exitStatus());
        }
    }

    @Test
    void aDeadlineHoldsUnderARateLimit() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = lab.copy("--rate", "1K", "--deadline", "2s")) {
            Run run = copy.end(Duration.ofSeconds(10));
            assertEquals(61, run.code(), run.err());
            assertTrue(run.err().contains("within the deadline of 2 s"), run.err());
        }
    }

    @Test
    void stopsInTimeWhenNothingAnswers() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY);
                CopyProcess copy = slowCopy(lab)) {
            awaitMoving(lab);
            try (Frozen _ = Frozen.processes(List.of(lab.sourcePid(), lab.targetPid()))) {
                copy.signal("INT");
                Run run = copy.end(Duration.ofSeconds(7));
                assertEquals(130, run.code(), run.err());
                assertTrue(run.err().contains("run the same command again to go on"), run.err());
            }
        }
    }

    @Test
    void aSecondRunnerIsRefusedAlsoWithoutAFreeSlot() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY.withTargetSlots(1));
                CopyProcess _ = slowCopy(lab)) {
            awaitMoving(lab);
            try (CopyProcess second = slowCopy(lab)) {
                Run run = second.end(Duration.ofSeconds(4));
                assertEquals(62, run.code(), run.err());
                assertTrue(run.err().contains("is being run by process "), run.err());
            }
        }
    }

    @Test
    void otherTerminalsAreToldAtOnce() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY)) {
            try (CopyProcess copy = slowCopy(lab)) {
                awaitMoving(lab);
                assertTold(lab.ask("status"), "running (run 1, pid " + copy.pid());
                assertTold(lab.ask("why"), "worker-1");
                assertTold(lab.ask("rate", "1M"), "");
                copy.signal("USR1");
                copy.awaitSaid("worker-1", Duration.ofSeconds(1));
                try (Frozen _ = Frozen.process(lab.targetPid())) {
                    Waiting.until(
                            "the layer is named",
                            LIMIT,
                            () -> lab.ask("why").out().contains("target-"));
                    Waiting.until(
                            "it is published",
                            LIMIT,
                            () -> lab.ask("status").out().contains("target-"));
                }
                copy.kill();
            }
            assertTold(lab.ask("status"), "died");
            assertTold(lab.ask("why"), "target-");
            assertEquals(2, lab.ask("rate", "1M").code(), "nobody is there to be told");
        }
    }

    private static void assertTold(Run run, String words) {
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(words), () -> "'" + words + "' is missing: " + run.out());
        assertTrue(run.took().compareTo(Duration.ofSeconds(1)) < 0, () -> "took " + run.took());
    }

    @Test
    void aFullStateDiskIsToldAndTheCopyGoesOnWhenThereIsRoom() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY)) {
            Files.createDirectory(lab.state());
            Tool.Outcome mount = Tool.outcome(List.of(
                    "mount",
                    "-t",
                    "tmpfs",
                    "-o",
                    "size=128k",
                    "migratekit-test",
                    lab.state().toString()));
            assumeTrue(mount.exitStatus() == 0, mount.errors());
            try {
                Path filler = lab.state().resolve("filler");
                try (CopyProcess copy = slowCopy(lab)) {
                    awaitMoving(lab);
                    Tool.outcome(List.of("dd", "if=/dev/zero", "of=" + filler, "bs=4k", "status=none"));
                    Run run = copy.end(Duration.ofSeconds(15));
                    assertEquals(63, run.code(), run.err());
                    assertTrue(run.err().contains("No space left on device. Make room and run the same"), run.err());
                }
                Files.delete(filler);
                try (CopyProcess copy = lab.copy("--checkpoint-every", "4M")) {
                    assertEquals(0, copy.end(LIMIT).code(), copy.err());
                }
                assertEquals(0, lab.compare().exitStatus());
            } finally {
                Tool.run("umount", lab.state().toString());
            }
        }
    }

    // ---- descriptors

    @Test
    void aClientWithoutDescriptorsSaysSo() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY)) {
            boolean failed = false;
            for (int limit = 12; limit <= 16; limit += 2) { // With fewer not even the shell starts it.
                try (CopyProcess copy = lab.start(List.of("prlimit", "--nofile=" + limit), false, "--timeout", "2s")) {
                    Run run = copy.end(LIMIT);
                    if (run.code() != 0) {
                        failed = true;
                        assertTrue(run.code() == 63 || run.code() == 30, run.code() + " " + run.err());
                        assertTrue(run.err().contains("Too many open files"), run.err());
                        assertFalse(run.err().contains("Install it"), run.err());
                        assertFalse(run.err().contains("\tat "), run.err());
                        assertFalse(run.err().contains("migratekit: migratekit:"), run.err());
                    }
                }
            }
            assertTrue(failed, "there were always enough descriptors");
        }
    }

    @Test
    void aServerWithoutDescriptorsIsNamed() throws IOException {
        try (CopyLab lab = lab(Servers.HEALTHY)) {
            long open;
            try (var descriptors = Files.list(Path.of("/proc/" + lab.targetPid() + "/fd"))) {
                open = descriptors.count();
            }
            Tool.run("prlimit", "--pid", Long.toString(lab.targetPid()), "--nofile=" + open);
            try (CopyProcess copy = lab.copy("--timeout", "1s")) {
                Run run = copy.end(Duration.ofSeconds(6));
                assertEquals(31, run.code(), run.err());
                assertTrue(run.err().contains("no NBD greeting within 1 s"), run.err());
            }
        }
    }

    @Test
    void manyAtOnceDoNotDisturbEachOther() throws IOException {
        List<CopyLab> labs = new ArrayList<>();
        List<CopyProcess> copies = new ArrayList<>();
        try {
            for (int i = 0; i < 8; i++) {
                labs.add(new CopyLab(
                        Files.createDirectory(folder.resolve("lab" + i)),
                        i,
                        Servers.HEALTHY,
                        8 * MIB,
                        new ByteRange(0, 3 * MIB)));
            }
            labs.forEach(lab -> copies.add(lab.copy("--verify")));
            for (int i = 0; i < 8; i++) {
                Run run = copies.get(i).end(LIMIT);
                assertEquals(0, run.code(), run.err());
                assertEquals(0, labs.get(i).compare().exitStatus());
            }
        } finally {
            copies.forEach(CopyProcess::close);
            for (CopyLab lab : labs) {
                lab.close();
            }
        }
    }

    private static CopyProcess slowCopy(CopyLab lab) {
        return lab.copy("--checkpoint-every", "4M", "--rate", "6M");
    }

    private static void awaitMoving(CopyLab lab) {
        long before = lab.targetRoad().bytesToServer();
        Waiting.until("data moves", LIMIT, () -> lab.targetRoad().bytesToServer() > before + 4 * MIB);
    }

    private CopyLab lab(Servers servers) throws IOException {
        return new CopyLab(folder, 3, servers, 64 * MIB, DATA);
    }
}
