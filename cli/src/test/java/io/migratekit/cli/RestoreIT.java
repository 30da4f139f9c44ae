package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does every restore point come back byte for byte, by every way, and never a wrong byte in silence? */
class RestoreIT {
    private static final int MIB = 1 << 20;
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final List<String> JOBS = List.of("one", "two", "three");

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    private HubLab threePoints() throws IOException {
        System.out.println("restore: seed=" + seed);
        HubLab lab = new HubLab(folder, 12L * MIB, 5L * MIB + 512);
        for (String job : JOBS) {
            lab.source().guestWrites(random, 8);
            lab.backUpWell(job);
        }
        return lab;
    }

    private static Run well(String... words) {
        Run run = Run.migratekit(words);
        assertEquals(0, run.code(), run::toString);
        return run;
    }

    private static JsonObject json(Run run) {
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    private static void assertRestored(HubLab lab, String job, Path to, String format) {
        for (int key : lab.keys()) {
            String disk = to.resolve("disk-" + key + "." + format).toString();
            Tool.run(
                    "qemu-img",
                    "compare",
                    "-f",
                    "raw",
                    "-F",
                    format,
                    lab.truth(job, key).toString(),
                    disk);
        }
        assertFalse(Files.exists(to.resolve(".migratekit-restore")));
    }

    @Test
    void everyPointComesBackFromTheHubAndFromTheFolder() throws IOException {
        try (HubLab lab = threePoints()) {
            JsonObject verified = lab.ask("verify");
            assertEquals(3, verified.getAsJsonArray("good").size(), verified::toString);
            for (String job : JOBS) {
                Path fromHub = folder.resolve("hub-" + job);
                well(lab.hubWords("restore", job, "--to", fromHub.toString()));
                assertRestored(lab, job, fromHub, "qcow2");
                Path fromFolder = folder.resolve("folder-" + job);
                String repository = lab.hub().repository().toString();
                well("hub", "restore", job, "--repository", repository, "--to", fromFolder + "", "--format", "raw");
                assertRestored(lab, job, fromFolder, "raw");
            }
            Run again = Run.migratekit(lab.hubWords(
                    "restore", "one", "--to", folder.resolve("hub-one").toString()));
            assertEquals(2, again.code(), again::toString);
            assertTrue(again.err().contains("is not overwritten"), again::err);
            assertFalse(Files.exists(folder.resolve("hub-one/.migratekit-restore")), "a refused one leaves nothing");
        }
    }

    @Test
    void oneThatWasKilledGoesOnAndIsCalledPartialUntilItIsWhole() throws IOException {
        try (HubLab lab = threePoints()) {
            Path to = folder.resolve("to");
            List<String> words = List.of(lab.hubWords(
                    "restore", "three", "--to", to.toString(), "--checkpoint-every", "1M", "--progress", "none"));
            List<String> slow = new ArrayList<>(words);
            slow.addAll(List.of("--rate", "2M"));
            Path first = to.resolve("disk-" + lab.keys().getFirst() + ".qcow2");
            Path last = to.resolve("disk-" + lab.keys().getLast() + ".qcow2");
            for (int i = 0; i < 2; i++) {
                try (CopyProcess process = CopyProcess.start(folder, List.of(), slow)) {
                    Waiting.until(
                            "it was begun",
                            SOON,
                            () -> Files.exists(first) || Files.exists(Path.of(first + ".partial")));
                    process.kill();
                }
                assertFalse(Files.exists(last), "it cannot be whole by now");
            }
            well(words.toArray(String[]::new));
            assertRestored(lab, "three", to, "qcow2");
        }
    }

    /** What an earlier run has written, and somebody has changed since, is noticed before it counts. */
    @Test
    void whatWasChangedWhileItWasInterruptedIsNotBelieved() throws IOException {
        try (HubLab lab = threePoints()) {
            Path to = folder.resolve("to");
            int key = lab.keys().getFirst();
            List<String> words = List.of(
                    lab.hubWords("restore", "three", "--to", to.toString(), "--format", "raw", "--disk", key + ""));
            List<String> slow = new ArrayList<>(words);
            slow.addAll(List.of("--rate", "1M", "--checkpoint-every", "1M", "--progress", "none"));
            JobStore store = new JobStore(to.resolve(".migratekit-restore"));
            JobId job = new JobId("disk-" + key + ".raw");
            try (CopyProcess process = CopyProcess.start(folder, List.of(), slow)) {
                Waiting.until(
                        "more is done than is not durable",
                        SOON,
                        () -> store.view(job)
                                .filter(_ -> done(store, job) > 4 * MIB)
                                .isPresent());
                process.kill();
            }
            Path partial = to.resolve("disk-" + key + ".raw.partial");
            byte[] bytes = Files.readAllBytes(partial);
            for (int cell = 0; cell < bytes.length; cell += MIB) {
                bytes[cell + random.nextInt(Math.min(MIB, bytes.length - cell))] ^= 1;
            }
            Files.write(partial, bytes);
            Run wrong = Run.migratekit(words.toArray(String[]::new));
            assertEquals(50, wrong.code(), () -> "seed=" + seed + " " + wrong);
            assertTrue(wrong.err().contains("The next run of this job copies everything again"), wrong::err);
            assertFalse(Files.exists(to.resolve("disk-" + key + ".raw")));
            well(words.toArray(String[]::new));
            assertArrayEquals(
                    Files.readAllBytes(lab.truth("three", key)),
                    Files.readAllBytes(to.resolve("disk-" + key + ".raw")));
        }
    }

    private static long done(JobStore store, JobId job) {
        return store.status(job)
                .map(text -> JsonParser.parseString(text).getAsJsonObject())
                .map(status ->
                        status.getAsJsonObject("progress").get("doneBytes").getAsLong())
                .orElse(0L);
    }

    @Test
    void aWrongByteEndsItOrIsListed() throws IOException {
        try (HubLab lab = threePoints()) {
            JsonObject disk =
                    lab.ask("show", "one").getAsJsonArray("disks").get(0).getAsJsonObject();
            int key = disk.get("key").getAsInt();
            int cell = lab.rot("one", disk, random) / MIB * MIB;

            Path to = folder.resolve("wrong");
            Run wrong = Run.migratekit(lab.hubWords("restore", "one", "--to", to.toString()));
            assertEquals(50, wrong.code(), () -> "seed=" + seed + " " + wrong);
            assertTrue(wrong.err().contains("from offset " + cell), () -> "seed=" + seed + " " + wrong);
            assertFalse(Files.exists(to.resolve("disk-" + key + ".qcow2")));

            Run verified = Run.migratekit(lab.hubWords("verify", "--json"));
            assertEquals(51, verified.code(), verified::toString);
            assertTrue(verified.out().contains("\"offset\":" + cell), () -> "seed=" + seed + " " + verified);
            assertTrue(lab.ask("show", "one").has("damage"));
            Run list = Run.migratekit(lab.hubWords("list"));
            assertTrue(list.out().contains("DAMAGED"), list::toString);
            Run refused = Run.migratekit(lab.hubWords("serve-point", "one"));
            assertEquals(51, refused.code(), refused::toString);

            Run others = Run.migratekit(lab.hubWords("verify", "two", "--json"));
            assertFalse(json(others).getAsJsonArray("good").toString().contains("three"), others::toString);
            Path salvaged = folder.resolve("salvaged");
            Run rest = Run.migratekit(
                    lab.hubWords("restore", "one", "--to", salvaged.toString(), "--salvage", "--format", "raw"));
            assertEquals(50, rest.code(), rest::toString);
            assertTrue(rest.out().contains("at offset " + cell), rest::toString);
            byte[] got = Files.readAllBytes(salvaged.resolve("disk-" + key + ".raw"));
            Arrays.fill(got, cell, Math.min(cell + MIB, got.length), (byte) 0);
            byte[] truth = Files.readAllBytes(lab.truth("one", key));
            Arrays.fill(truth, cell, Math.min(cell + MIB, truth.length), (byte) 0);
            assertArrayEquals(truth, got, "all but the wrong cell is right");
            String[] same = {"restore", "one", "--to", salvaged.toString(), "--format", "raw"};
            Run again = Run.migratekit(lab.hubWords(same));
            assertEquals(50, again.code(), again::toString);
            assertTrue(again.err().contains("was salvaged and is not what was sealed"), again::toString);
        }
    }

    @Test
    void disksOfTwoMomentsNeverComeTogether() throws IOException {
        try (HubLab lab = threePoints()) {
            Path to = folder.resolve("to");
            List<String> words = List.of(lab.hubWords("restore", "three", "--to", to.toString(), "--progress", "none"));
            List<String> slow = new ArrayList<>(words);
            slow.addAll(List.of("--rate", "2M"));
            Path last = to.resolve("disk-" + lab.keys().getLast() + ".qcow2.partial");
            try (CopyProcess process = CopyProcess.start(folder, List.of(), slow)) {
                Waiting.until("the first disk is done", SOON, () -> Files.exists(last));
                process.kill();
            }
            Run other = Run.migratekit(lab.hubWords("restore", "one", "--to", to.toString()));
            assertEquals(2, other.code(), other::toString);
            assertTrue(other.err().contains("holds a disk of another restore point"), other::toString);
            well(words.toArray(String[]::new));
            assertRestored(lab, "three", to, "qcow2");

            Path foreign = Files.createDirectories(folder.resolve("foreign"));
            Path partial = foreign.resolve("disk-" + lab.keys().getFirst() + ".raw.partial");
            Files.write(partial, new byte[20 * MIB]);
            Run refused = Run.migratekit(lab.hubWords("restore", "one", "--to", foreign.toString(), "--format", "raw"));
            assertEquals(2, refused.code(), refused::toString);
            assertTrue(refused.err().contains("was not made by a restore into this folder"), refused::toString);
            assertEquals(20L * MIB, Files.size(partial));

            String uri = "nbd+unix:///?socket=" + folder.resolve("none");
            Run twice = Run.migratekit(lab.hubWords(
                    "restore",
                    "one",
                    "--nbd-target",
                    lab.keys().getFirst() + "=" + uri,
                    "--nbd-target",
                    lab.keys().getLast() + "=" + uri));
            assertEquals(2, twice.code(), twice::toString);
            assertTrue(twice.err().contains("names one export for two disks"), twice::toString);
        }
    }

    @Test
    void aPointIsServedAndWhatIsWrittenThereIsThrownAway() throws IOException {
        try (HubLab lab = threePoints()) {
            int key = lab.keys().getFirst();
            Path sockets = folder.resolve("s");
            String[] words = lab.hubWords(
                    "serve-point", "two", "--writable", "--listen", "unix:" + sockets, "--overlay-dir", folder + "");
            try (CopyProcess process = CopyProcess.start(folder, List.of(), List.of(words))) {
                process.awaitSaid("serving overlays", SOON);
                String uri = "nbd+unix:///disk-" + key + "?socket=" + sockets.resolve("disk-" + key + ".sock");
                String truth = lab.truth("two", key).toString();
                Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, truth);
                Tool.run("qemu-io", "-f", "raw", "-c", "write -P 99 1M 64k", uri);
                Run differs = Run.program("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, truth);
                assertEquals(1, differs.code(), differs::toString);
                Run deleted = Run.migratekit(lab.hubWords("delete", "two", "--merge"));
                assertEquals(62, deleted.code(), deleted::toString);
                process.signal("TERM");
                process.end(SOON);
            }
            try (var left = Files.list(folder)) {
                List<String> overlays = left.map(one -> one.getFileName().toString())
                        .filter(one -> one.startsWith("migratekit-point"))
                        .toList();
                assertEquals(List.of(), overlays);
            }
            lab.assertAllPointsAreTrue();
            well(lab.hubWords("delete", "two", "--merge"));
        }
    }

    @Test
    void allPointsGetToAnotherHubAndOnlyWhatIsMissingIsSent() throws IOException {
        try (HubLab lab = threePoints();
                HubProcess other = HubProcess.start(folder.resolve("o"), "--listen", "127.0.0.1:0")) {
            String there = "unix:" + other.socket();
            String[] words =
                    lab.hubWords("copy", "--to-hub", there, "--state-dir", folder.resolve("copies") + "", "--json");
            JsonObject first = json(well(words));
            assertEquals(3, first.getAsJsonArray("points").size(), first::toString);
            for (String job : JOBS) {
                Path to = folder.resolve("copied-" + job);
                well("hub", "restore", job, "--hub", there, "--to", to.toString());
                assertRestored(lab, job, to, "qcow2");
            }
            JsonObject again = json(well(words));
            again.getAsJsonArray("points")
                    .forEach(point -> assertEquals(
                            "there", point.getAsJsonObject().get("outcome").getAsString(), again::toString));

            lab.source().guestWrites(random, 3);
            lab.backUpWell("four");
            JsonObject more = json(well(words));
            JsonObject four = more.getAsJsonArray("points").get(3).getAsJsonObject();
            assertEquals("copied", four.get("outcome").getAsString(), more::toString);
            Run shown = well("hub", "show", "four", "--hub", there, "--json");
            assertTrue(shown.out().contains("\"kind\":\"incremental\""), shown::toString);
            Path to = folder.resolve("copied-four");
            well("hub", "restore", "four", "--hub", there, "--to", to.toString());
            assertRestored(lab, "four", to, "qcow2");
        }
    }
}
