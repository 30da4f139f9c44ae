package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is a backup after a restart of the hub what it was before: its place, its slots, its lease, or that it had none? */
class HubRestartTest {
    private static final String BACKUPS = "/api/v1/backups";

    @TempDir
    private Path folder;

    @Test
    void slotsAndLeaseAreWhatTheAgentAskedFor() throws IOException {
        try (LiveHub hub = LiveHub.in(folder)) {
            JsonObject before = hub.answer(
                    201,
                    "POST",
                    BACKUPS,
                    LiveHub.starting("b1", "vm-1").replace("\"name\"", "\"workers\":9,\"leaseSeconds\":77,\"name\""));
            assertEquals(10, disk(before).get("slots").getAsInt());
            hub.restart(() -> {});
            JsonObject after = hub.answer(200, "GET", BACKUPS + "/b1", "");
            assertEquals(10, disk(after).get("slots").getAsInt());
            assertEquals(disk(before).get("export"), disk(after).get("export"));
            leaseIs(77, after.get("leaseUntil").getAsString());
            leaseIs(
                    77,
                    hub.answer(200, "POST", BACKUPS + "/b1/heartbeat", "")
                            .get("leaseUntil")
                            .getAsString());
        }
    }

    @Test
    void aBackupWhoseLeaseWasOverStaysDormantUntilItIsStartedAgain() throws IOException {
        try (LiveHub hub = LiveHub.in(folder)) {
            hub.answer(201, "POST", BACKUPS, LiveHub.starting("b1", "vm-1"));
            Path leases = hub.repository().resolve("leases.json");
            assertTrue(Files.readString(leases).contains("\"b1\""), Files.readString(leases));
            hub.restart(() -> Files.writeString(leases, "{\"leases\":[]}"));
            JsonObject dormant = hub.answer(200, "GET", BACKUPS + "/b1", "");
            assertEquals("dormant", dormant.get("state").getAsString());
            assertFalse(disk(dormant).has("export"));
            assertEquals(
                    "open",
                    hub.answer(200, "POST", BACKUPS, LiveHub.starting("b1", "vm-1"))
                            .get("state")
                            .getAsString());
            assertTrue(Files.readString(leases).contains("\"b1\""), Files.readString(leases));
            hub.answer(200, "POST", BACKUPS + "/b1/seal", LiveHub.sealing());
            assertEquals("{\"leases\":[]}", Files.readString(leases));
        }
    }

    @Test
    void leasesThatCannotBeReadGetTheirDefaults() throws IOException {
        try (LiveHub hub = LiveHub.in(folder)) {
            hub.answer(201, "POST", BACKUPS, LiveHub.starting("b1", "vm-1"));
            hub.restart(() -> Files.writeString(hub.repository().resolve("leases.json"), "{\"leases\":[{}]}"));
            JsonObject after = hub.answer(200, "GET", BACKUPS + "/b1", "");
            assertEquals("open", after.get("state").getAsString());
            assertEquals(5, disk(after).get("slots").getAsInt());
        }
    }

    private static void leaseIs(int seconds, String until) {
        long left = Duration.between(Instant.now(), Instant.parse(until)).toSeconds();
        assertTrue(left > seconds - 20 && left <= seconds, until);
    }

    private static JsonObject disk(JsonObject backup) {
        return backup.getAsJsonArray("disks").get(0).getAsJsonObject();
    }
}
