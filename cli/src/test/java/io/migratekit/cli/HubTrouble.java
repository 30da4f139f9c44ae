package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Two hubs and a VM with one restore point at the first: what tests of trouble between them begin with. */
final class HubTrouble implements AutoCloseable {
    static final Duration SOON = Duration.ofSeconds(30);
    /** Silence ends a wait after 1 s, and nothing is tried for longer than 3 s. */
    static final List<String> IMPATIENT = List.of(
            "--timeout", "1s", "--stall-after", "2s", "--retry-for", "3s", "--connections", "2", "--progress", "none");
    /** Slow enough to be met midway. */
    static final List<String> SLOW = List.of("--rate", "1M", "--checkpoint-every", "1M");

    private static final int PIECE = 64 << 10;

    private final Path folder;
    private final Random random;
    private final HubLab lab;
    private final HubProcess second;

    HubTrouble(Path folder, String... words) throws IOException {
        this(folder, Files.createDirectories(folder.resolve("o")), words);
    }

    /** @param there where the second hub has its repository */
    HubTrouble(Path folder, Path there, String... words) throws IOException {
        this.folder = folder;
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("hub trouble: seed=" + seed);
        random = new Random(seed);
        List<String> all = new ArrayList<>(List.of("--listen", "127.0.0.1:0"));
        all.addAll(List.of(words));
        lab = new HubLab(folder, 12 * MigrateLab.MIB, 3 * MigrateLab.MIB + 512);
        second = HubProcess.start(there, all.toArray(String[]::new));
        lab.source().guestWrites(random, 50);
        lab.backUpWell("one");
    }

    HubLab lab() {
        return lab;
    }

    HubProcess first() {
        return lab.hub();
    }

    HubProcess second() {
        return second;
    }

    Random random() {
        return random;
    }

    /** Another restore point at the first hub. */
    void another(String job) {
        lab.source().guestWrites(random, 10);
        lab.backUpWell(job);
    }

    List<String> copyWords(List<String> more) {
        List<String> words = new ArrayList<>(List.of(lab.hubWords("copy", "--to-hub", "unix:" + second.socket())));
        words.addAll(List.of("--state-dir", folder.resolve("copies").toString(), "--json"));
        words.addAll(more);
        return words;
    }

    CopyProcess copy(List<String> manner, List<String> more) {
        List<String> words = copyWords(manner);
        words.addAll(more);
        return CopyProcess.start(folder, List.of(), words);
    }

    CopyProcess restore(Path to, List<String> manner, List<String> more) {
        List<String> words =
                new ArrayList<>(List.of(lab.hubWords("restore", "one", "--to", to.toString(), "--format", "raw")));
        words.addAll(manner);
        words.addAll(more);
        return CopyProcess.start(folder, List.of(), words);
    }

    /** Ends well now that nothing is in its way. */
    Run copyWell(String... more) {
        try (CopyProcess copy = copy(List.of("--timeout", "20s"), List.of(more))) {
            Run run = copy.end(MigrateLab.LIMIT);
            assertEquals(0, run.code(), run::toString);
            return run;
        }
    }

    /** How much of a restore point's disks is not zero, in pieces as a copy makes them. */
    long dataBytes(String job) throws IOException {
        long bytes = 0;
        for (int key : lab.keys()) {
            byte[] disk = Files.readAllBytes(lab.truth(job, key));
            for (int at = 0; at < disk.length; at += PIECE) {
                int end = Math.min(disk.length, at + PIECE);
                bytes += Arrays.equals(disk, at, end, new byte[PIECE], 0, end - at) ? 0 : end - at;
            }
        }
        return bytes;
    }

    void assertRestored(Path to) {
        for (int key : lab.keys()) {
            Path disk = to.resolve("disk-" + key + ".raw");
            Tool.run("cmp", lab.truth("one", key).toString(), disk.toString());
        }
        assertTrue(Files.notExists(to.resolve(".migratekit-restore")));
    }

    /** Waits until the hub serves a layer, and then a moment. */
    static void awaitMoving(HubProcess hub, CopyProcess program) {
        Waiting.until(
                "something moves",
                SOON,
                () -> !program.isAlive() || !hub.exports().isEmpty());
        sleep(2000);
        assertTrue(program.isAlive(), () -> "it ended before anything broke: " + program.err());
    }

    static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** The hub and all that serves for it. */
    static Frozen freeze(HubProcess hub) {
        List<Long> all = new ArrayList<>(hub.exports());
        all.add(hub.process().pid());
        return Frozen.processes(all);
    }

    /** The restore points of the second hub are these, and true. */
    void assertSecondKeeps(String... points) {
        KeptHub kept = new KeptHub("hub 2", second, lab::truth);
        kept.points().addAll(List.of(points));
        kept.assertKeepsWhatItHasTo();
    }

    @Override
    public void close() {
        second.close();
        lab.close();
    }
}
