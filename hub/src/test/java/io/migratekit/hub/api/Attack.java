package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.api.Contract.Operation;
import io.migratekit.hub.api.RawHttp.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/** The hub under attack: what is asked of it is made from its contract, and its answers are held against that. */
final class Attack implements AutoCloseable {
    /** The system property repeats a run. */
    static final long SEED = Long.getLong("fuzz.seed", System.nanoTime());

    static final Set<Integer> REFUSALS = Set.of(400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 415, 426, 431);
    static final Map<String, String> IDS =
            Map.of("id", "\"open-1\"", "vm", "\"vm-1\"", "key", "2000", "capacityBytes", Integer.toString(LiveHub.MIB));

    private static final long MOST_MILLIS = 5000;

    final Random random = new Random(SEED);
    final Contract contract = Contract.read();
    final Schema schemas = new Schema(contract);
    final LiveHub hub;

    private Attack(Path folder) throws IOException {
        System.getLogger("fuzz").log(System.Logger.Level.INFO, "fuzz.seed=" + SEED);
        hub = LiveHub.in(folder);
    }

    /** VM vm-1 has a restore point and an open backup, and so has vm-2 an open one; a job of each waits, and a schedule. */
    static Attack on(Path folder) throws IOException {
        Attack attack = new Attack(folder);
        attack.hub.answer(201, "POST", "/api/v1/backups", LiveHub.starting("point-1", "vm-1"));
        attack.hub.answer(200, "POST", "/api/v1/backups/point-1/seal", LiveHub.sealing());
        attack.hub.answer(201, "POST", "/api/v1/backups", LiveHub.starting("open-1", "vm-1"));
        attack.hub.answer(201, "POST", "/api/v1/backups", LiveHub.starting("open-2", "vm-2"));
        for (String vm : List.of("vm-1", "vm-2", "vm-3")) {
            attack.hub.answer(200, "PUT", "/api/v1/vms/" + vm, "{\"name\":\"name-of-" + vm + "\",\"disks\":[]}");
        }
        for (String number : List.of("1", "2")) {
            String wish = "{\"id\":\"job-" + number + "\",\"vm\":\"vm-" + number
                    + "\",\"notBefore\":\"2100-01-01T00:00:00Z\"}";
            attack.hub.answer(202, "POST", "/api/v1/backups", wish);
        }
        String schedule = "{\"cron\":\"0 0 1 1 *\",\"vms\":[{\"pattern\":\"vm-3\"}]}";
        attack.hub.answer(200, "PUT", "/api/v1/schedules/nightly", schedule);
        return attack;
    }

    List<Operation> operations() {
        return contract.operations();
    }

    @Override
    public void close() {
        hub.close();
    }

    Operation operation(String method, String path) {
        return contract.operations().stream()
                .filter(one -> one.method().equals(method) && one.path().equals(path))
                .findFirst()
                .orElseThrow();
    }

    static String target(Operation operation) {
        return target(operation, Map.of());
    }

    static String target(Operation operation, Map<String, String> parts) {
        return operation
                .path()
                .replace("{id}", parts.getOrDefault("id", "open-1"))
                .replace("{reading}", parts.getOrDefault("reading", "reading-1"))
                .replace("{job}", parts.getOrDefault("job", "job-1"))
                .replace("{agent}", parts.getOrDefault("agent", "agent"))
                .replace("{schedule}", parts.getOrDefault("schedule", "nightly"))
                .replace("{vm}", parts.getOrDefault("vm", "vm-1"))
                .replace("{disk}", parts.getOrDefault("disk", "2000"));
    }

    void refused(Set<Integer> statuses, String what, Answer answer) {
        String all = "seed " + SEED + ": " + what + " -> " + answer;
        assertTrue(statuses.contains(answer.status()), all);
        assertTrue(answer.millis() < MOST_MILLIS, all);
        assertEquals("application/problem+json", answer.header("Content-Type"), all);
        JsonObject problem = JsonParser.parseString(answer.body()).getAsJsonObject();
        assertEquals(Optional.empty(), schemas.mistake(contract.schema("Problem"), problem), all);
        assertEquals(answer.status(), problem.get("status").getAsInt(), all);
        assertFalse(answer.body().matches("(?s).*(Exception|\\tat |\\bjava\\.|io\\.migratekit|org\\.eclipse).*"), all);
    }
}
