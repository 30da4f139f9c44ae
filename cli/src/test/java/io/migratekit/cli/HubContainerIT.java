package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does a backup get right to a hub on another machine, whatever happens to that machine meanwhile? bin/verify starts the
 * engine that this needs, and fails when this did not run.
 */
@EnabledIfEnvironmentVariable(
        named = "MIGRATEKIT_HUB_IMAGE",
        matches = ".+",
        disabledReason = "needs a container engine: bin/verify starts one (cli/src/test/container/engine.sh)")
class HubContainerIT {
    private static final int MIB = 1 << 20;
    private static final int DISK_BYTES = 48 * MIB;
    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final String BACKUPS = "/api/v1/backups";

    @TempDir
    private static Path machines;

    @SuppressWarnings("NullAway.Init") // Before all tests.
    private static HubMachine hub;

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private QemuNbd source;

    @BeforeAll
    static void boot() throws IOException, InterruptedException {
        hub = HubMachine.start(Objects.requireNonNull(System.getenv("MIGRATEKIT_HUB_IMAGE")), machines);
    }

    @AfterAll
    static void end() {
        hub.close();
    }

    @BeforeEach
    void serve() throws IOException {
        Path image = new NbdImages(folder, 11)
                .raw("source.raw", DISK_BYTES, new ByteRange(0, 20 * MIB), new ByteRange(30 * MIB, 4 * MIB));
        source = QemuNbd.of(image, QemuNbd.Format.RAW, 9)
                .readOnly()
                .unixSocket(folder.resolve("source.sock"))
                .start();
    }

    @AfterEach
    void stop() {
        source.close();
    }

    @Test
    void aBackupIsWhatWasReadAndTheNextOneStandsOnIt() throws IOException {
        String export = start("whole-1", "full");
        try (CopyProcess copy = copy(export, "whole-1")) {
            isRight("whole-1", copy);
        }
        String next = start("whole-2", "incremental");
        List<String> words = new ArrayList<>(List.of("map"));
        words.addAll(hub.road());
        words.add(next);
        Run map = Run.migratekit(words.toArray(String[]::new));
        assertEquals(0, map.code(), map.err());
        assertTrue(map.out().contains("data"), map.out()); // Of its parent, seen through it.
        assertEquals(204, hub.ask("POST", BACKUPS + "/whole-2/abandon", "").status());
    }

    @Test
    void aHubThatStandsStillForAMomentIsWaitedFor() throws Exception {
        try (CopyProcess copy = slowCopy(start("pause-1", "full"), "pause-1", "--retry-for", "60s")) {
            hub.pause();
            TimeUnit.SECONDS.sleep(3);
            hub.goOn();
            isRight("pause-1", copy);
        }
    }

    @Test
    void aHubThatStaysFrozenIsNamedAndTheSameCopyGoesOnLater() throws Exception {
        String export = start("frozen-1", "full");
        try (CopyProcess copy =
                slowCopy(export, "frozen-1", "--timeout", "2s", "--stall-after", "4s", "--retry-for", "6s")) {
            Run run;
            hub.pause();
            try {
                run = copy.end(LIMIT);
            } finally {
                hub.goOn();
            }
            assertEquals(20, run.code(), run.err());
            assertTrue(run.err().contains("ssh://"), run.err());
        }
        try (CopyProcess copy = copy(export, "frozen-1")) {
            isRight("frozen-1", copy);
        }
    }

    @Test
    void aHubThatIsKilledAndBootsAgainServesTheSameCopyOn() throws Exception {
        try (CopyProcess copy = slowCopy(start("killed-1", "full"), "killed-1", "--retry-for", "60s")) {
            hub.kill();
            hub.bootAgain();
            isRight("killed-1", copy);
        }
    }

    @Test
    void aHubThatIsRebootedServesTheSameCopyOn() throws Exception {
        try (CopyProcess copy = slowCopy(start("reboot-1", "full"), "reboot-1", "--retry-for", "60s")) {
            hub.reboot();
            isRight("reboot-1", copy);
        }
    }

    private static String start(String id, String kind) {
        String vm = id.replaceAll("-.*", "");
        HubMachine.Answer answer = hub.ask(
                "POST",
                BACKUPS,
                "{\"id\":\"" + id + "\",\"vm\":\"" + vm + "\",\"name\":\"web\",\"disks\":[{\"key\":2000,\"kind\":\""
                        + kind + "\",\"capacityBytes\":" + DISK_BYTES + "}]}");
        assertEquals(201, answer.status(), answer::toString);
        return disk(answer.body()).get("export").getAsString();
    }

    private CopyProcess copy(String export, String job, String... more) {
        List<String> words = new ArrayList<>(List.of("copy", "--job-id", job, "--progress", "none", "--state-dir"));
        words.add(folder.resolve("state").toString());
        words.addAll(hub.road());
        words.addAll(List.of(more));
        words.addAll(List.of(source.uri(), export));
        return CopyProcess.start(folder, List.of(), words);
    }

    /** One that is in the middle when this returns. */
    private CopyProcess slowCopy(String export, String job, String... more) throws Exception {
        List<String> words = new ArrayList<>(List.of("--rate", "6M", "--checkpoint-every", "4M"));
        words.addAll(List.of(more));
        CopyProcess copy = copy(export, job, words.toArray(String[]::new));
        copy.awaitSaid("tunnel=target up", Duration.ofSeconds(30));
        TimeUnit.MILLISECONDS.sleep(1500);
        assertTrue(copy.isAlive(), copy.err());
        return copy;
    }

    /** The copy ends well, and what the hub finds in its layers is what was read here. */
    private static void isRight(String id, CopyProcess copy) {
        Run run = copy.end(LIMIT);
        assertEquals(0, run.code(), () -> run.err() + "\nhub: " + hub.log());
        HubMachine.Answer sealed = hub.ask("POST", BACKUPS + "/" + id + "/seal", "{\"disks\":[{\"key\":2000}]}");
        assertEquals(200, sealed.status(), sealed::toString);
        String root = disk(sealed.body()).get("root").getAsString();
        assertFalse(root.isEmpty());
        assertTrue(run.out().contains("hash " + root), () -> "root=" + root + " copy: " + run.out() + run.err());
    }

    private static JsonObject disk(JsonObject backup) {
        return backup.getAsJsonArray("disks").get(0).getAsJsonObject();
    }
}
