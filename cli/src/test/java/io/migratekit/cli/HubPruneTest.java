package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryLimits;
import io.migratekit.hub.repository.SealDisk;
import io.migratekit.hub.repository.SealProgress;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartDisk;
import io.migratekit.hub.repository.StartRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does `hub prune` do what the configuration and its options say, and say so? Two VMs with a point at noon of each of five days. */
class HubPruneTest {
    private static final int DAYS = 5;
    private static final LocalDate FIRST = LocalDate.of(2026, 3, 2); // A Monday.

    /** The points are made once, and copied for each test. */
    @TempDir
    @SuppressWarnings("NullAway.Init") // Before all tests.
    private static Path made;

    @TempDir
    private Path folder;

    private Path repository() {
        return folder.resolve("repository");
    }

    @BeforeEach
    void copy() {
        Run copied = Run.program(
                "cp", "-a", made.resolve("repository").toString(), repository().toString());
        assertEquals(0, copied.code(), copied.err());
    }

    @BeforeAll
    static void points() {
        try (Repository repository = open(made.resolve("repository"))) {
            for (String vm : List.of("web", "db")) {
                for (int day = 1; day <= DAYS; day++) {
                    start(repository, vm, vm + "-" + day);
                    seal(repository, vm + "-" + day, noon(day));
                }
            }
        }
    }

    private static Repository open(Path repository) {
        return Repository.open(repository, new RepositoryLimits(0, Duration.ZERO, Duration.ofMinutes(1)));
    }

    private static Instant noon(int day) {
        return FIRST.plusDays(day - 1)
                .atTime(12, 0)
                .atZone(ZoneId.systemDefault())
                .toInstant();
    }

    private static void start(Repository repository, String vm, String id) {
        StartDisk disk = new StartDisk(0, null, 1 << 20, StartDisk.Wanted.AUTO);
        repository.start(new StartRequest(id, "id-of-" + vm, vm, List.of(disk), null));
    }

    private static void seal(Repository repository, String id, Instant taken) {
        SealDisk disk = new SealDisk(0, null, null, null, null);
        repository.seal(id, new SealRequest(taken, null, null, null, List.of(disk)), SealProgress.NOBODY);
    }

    private List<String> left(String vm) {
        try (Repository repository = Repository.look(repository())) {
            return repository.backups(Optional.of("id-of-" + vm)).stream()
                    .map(backup -> backup.id())
                    .toList();
        }
    }

    /** Never the configuration of this machine. */
    private Run prune(String config, String... words) throws IOException {
        Path file = Files.writeString(folder.resolve("migratekit.toml"), config);
        List<String> line = new ArrayList<>(List.of("hub", "prune", "--config", file.toString()));
        line.addAll(List.of(words));
        if (!line.contains("--hub")) {
            line.addAll(List.of("--repository", repository().toString()));
        }
        return Run.migratekit(line.toArray(String[]::new));
    }

    @Test
    void itOnlyShowsUnlessToldOtherwise() throws IOException {
        Run run = prune("", "--vm", "web", "--keep-daily", "2", "--keep-last", "1");
        assertEquals(0, run.code(), run.err());
        List<String> lines = run.out().lines().toList();
        assertEquals(
                "VM web (id-of-web): keep last 1, daily 2; days begin in " + ZoneId.systemDefault(), lines.getFirst());
        assertTrue(lines.get(1).matches("POINT  TAKEN +STORED +WHY"), run.out());
        assertTrue(
                lines.get(2).matches("web-1  2026-03-0\\dT\\d\\d:00:00Z  [0-9.]+ KiB  remove  no rule keeps it"),
                run.out());
        assertTrue(lines.get(5).matches("web-4 .* keep    daily 2026-03-05"), run.out());
        assertTrue(lines.get(6).matches("web-5 .* keep    the last good one, last, daily 2026-03-06"), run.out());
        assertTrue(
                lines.get(7).matches("would remove 3 of 5 restore points, and free up to .*; --apply does it"),
                run.out());
        assertEquals(DAYS, left("web").size());

        Run applied = prune("", "--vm", "id-of-web", "--keep-daily", "2", "--keep-last", "1", "--apply");
        assertEquals(0, applied.code(), applied.err());
        assertTrue(applied.out().contains("removed 3 of 5 restore points, freed "), applied.out());
        assertEquals(List.of("web-4", "web-5"), left("web"));
        assertEquals(DAYS, left("db").size());
        Run again = prune("", "--vm", "web", "--keep-daily", "2");
        assertTrue(again.out().endsWith("would remove none of 2 restore points\n"), again.out());
    }

    @Test
    void eachVmHasItsOwnPolicyAndOptionsBeatIt() throws IOException {
        String config = """
                [retention]
                keep-daily = 4
                keep-weekly = 1
                [retention."web"]
                keep-daily = 3
                [retention."gone"]
                keep-last = 1
                """;
        Run run = prune(config);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("VM web (id-of-web): keep daily 3, weekly 1;"), run.out());
        assertTrue(run.out().contains("VM db (id-of-db): keep daily 4, weekly 1;"), run.out());
        assertTrue(run.err().contains("[retention.\"gone\"] of the configuration is about no VM"), run.err());
        Run beaten = prune(config, "--keep-daily", "0", "--keep-within", "36h", "--apply", "--json");
        assertEquals(0, beaten.code(), beaten.err());
        JsonObject db = JsonParser.parseString(beaten.out())
                .getAsJsonObject()
                .getAsJsonArray("vms")
                .get(0)
                .getAsJsonObject();
        assertEquals("weekly 1, within 36h", db.get("policy").getAsString());
        assertEquals("db", db.get("name").getAsString());
        assertEquals(3, db.get("removed").getAsInt());
        assertEquals(List.of("db-4", "db-5"), left("db"));
        assertEquals(List.of("web-4", "web-5"), left("web"));
    }

    @Test
    void whoSaysNothingRemovesNothing() throws IOException {
        for (List<String> words : List.of(List.<String>of(), List.of("--keep-last", "0"))) {
            List<String> line = new ArrayList<>(words);
            line.add("--apply");
            Run run = prune("", line.toArray(String[]::new));
            assertEquals(2, run.code(), run.err());
            assertTrue(run.err().contains("say how many restore points to keep"), run.err());
        }
        Run one = prune("[retention.\"web\"]\nkeep-last = 1\n", "--apply");
        assertEquals(0, one.code(), one.err());
        assertTrue(one.err().contains("VM db (id-of-db) to keep, so it is passed over"), one.err());
        assertEquals(DAYS, left("db").size());
        assertEquals(List.of("web-5"), left("web"));
        assertEquals(2, prune("", "--keep-last", "-1").code());
        Run slip = prune("[retention]\nkeep-dialy = 7\n");
        assertEquals(2, slip.code());
        assertTrue(slip.err().contains("line 2: [retention]: the key keep-dialy is not known"), slip.err());
    }

    @Test
    void whatFailsIsToldAndTheOthersGoOn() throws IOException {
        Files.delete(repository().resolve("vms/id-of-db/disks/0/0002.hashes"));
        try (Repository repository = open(repository())) {
            start(repository, "web", "open");
        }
        Run run = prune("", "--keep-last", "2", "--apply");
        assertEquals(51, run.code(), run.err());
        assertTrue(run.err().contains("db-1: its hashes are missing: "), run.err());
        assertTrue(run.out().contains("removed 2 of 5 restore points"), run.out());
        assertEquals(List.of("db-1", "db-4", "db-5"), left("db"));
        assertTrue(run.err().contains("backup open is open, so nothing of VM id-of-web is removed"), run.err());
        assertEquals(DAYS + 1, left("web").size());
        assertEquals(62, prune("", "--vm", "web", "--keep-last", "2", "--apply").code());
        assertEquals(0, prune("", "--vm", "web", "--keep-last", "2").code());
    }

    @Test
    void aHubDoesTheSame() throws IOException {
        try (HubHere hub = new HubHere(repository(), folder)) {
            Run shown = prune("", "--hub", hub.address(), "--keep-daily", "3");
            assertEquals(0, shown.code(), shown.err());
            assertEquals(DAYS, left("web").size());
            Run run = prune("", "--hub", hub.address(), "--keep-daily", "3", "--keep-within", "1h", "--apply");
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("keep daily 3, within 1h;"), run.out());
            assertEquals(List.of("web-3", "web-4", "web-5"), left("web"));
            assertEquals(List.of("db-3", "db-4", "db-5"), left("db"));
            Run none = prune("", "--hub", hub.address(), "--vm", "nobody", "--keep-daily", "3");
            assertEquals(2, none.code());
        }
    }

    @Test
    void theExampleIsUnderstood() throws IOException {
        String example = Files.readString(Path.of("../systemd/migratekit.toml.example"));
        Path file = folder.resolve("example.toml");
        Files.writeString(
                file,
                example.replace("# keep-hourly", "keep-hourly")
                        .replace("# keep-yearly", "keep-yearly")
                        .replace("# keep-within", "keep-within"));
        RetentionConfig all = ConfigFile.read(file).retention();
        assertEquals(
                "last 3, hourly 24, daily 30, weekly 8, yearly 5, within 36h",
                all.of("an id", "web01").policy().orElseThrow().told());
        Files.writeString(file, example);
        RetentionConfig config = ConfigFile.read(file).retention();
        assertEquals(
                "last 3, daily 14, weekly 8, monthly 12",
                config.of("an id", "db").policy().orElseThrow().told());
        assertEquals(
                Map.of("daily", 30, "monthly", 0),
                config.vms().getOrDefault("web01", config.all()).counts());
        assertFalse(config.equals(RetentionConfig.NONE));
    }
}
