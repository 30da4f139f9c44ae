package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Postgres;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.VddkStandIn;
import io.migratekit.vmware.sim.Settings;
import io.migratekit.vmware.sim.SimDisk;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What is there at night? Two vCenters with several hosts and datastores, three agents, and one hub with a database of its own, or two
 * that share a PostgreSQL. All but the vCenters are processes that can be killed and started again.
 *
 * <p>Agent 0 sees the first vCenter for the first hub, agent 1 sees it for the last one, and agent 2 sees the second vCenter for the
 * first one. The VMs of hub 0 are called east-..., those of hub 1 west-...
 */
final class NightLab implements AutoCloseable {
    static final int AGENTS = 3;
    static final String DATABASE = "night";
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int HOSTS = 3;
    private static final int DATASTORES = 2;
    private static final long MIB = 1 << 20;

    private final Path folder;
    private final @Nullable Postgres postgres;
    private final List<SimulatedVCenter> vcenters = new ArrayList<>();
    private final List<VddkStandIn> standIns = new ArrayList<>();
    private final List<HubProcess> hubs = new ArrayList<>();
    private final List<CopyProcess> agents = new ArrayList<>();
    private final List<Machine> machines = new ArrayList<>();
    private final Path passwordFile;
    /** How agents reach their hubs; directly, unless something was said. */
    private final Map<Integer, List<String>> roads = new TreeMap<>();
    /** Stands in front of each program; see {@link CopyProcess#start}. */
    private final List<String> before;

    /** A VM, the hub that is to have its backups, and what of the limited things it takes up. */
    record Machine(SimulatedVCenter vcenter, SimVm vm, int hub, String host, String datastore, int disks) {
        String id() {
            return vm.instanceUuid();
        }

        /** How much it takes up of what has this name, as limits have it. */
        Map<String, Integer> uses() {
            Map<String, Integer> uses = new TreeMap<>();
            uses.put("hub:" + hub, 1);
            uses.put("vcenter:" + vcenter.settings().instanceUuid(), 1);
            uses.put("host:" + host, disks);
            uses.put("datastore:" + datastore, disks);
            return uses;
        }
    }

    /** Hubs are told these words besides. */
    NightLab(Path folder, int hubCount, int vms, Random random, String... hubWords) throws IOException {
        this(folder, List.of(), hubCount, vms, random, hubWords);
    }

    /** Each program begins with these words. */
    NightLab(Path folder, List<String> before, int hubCount, int vms, Random random, String... hubWords)
            throws IOException {
        this.folder = folder;
        this.before = before;
        for (int i = 0; i < 2; i++) {
            Path root = Files.createDirectories(folder.resolve("v" + i));
            vcenters.add(
                    SimulatedVCenter.start(root, Settings.DEFAULT.instance("5f0c7e8e-3a51-4e0c-9d0c-00000000000" + i)));
            standIns.add(VddkStandIn.in(root, Settings.DEFAULT.password()));
        }
        passwordFile = Files.writeString(folder.resolve("password"), Settings.DEFAULT.password() + "\n");
        for (int i = 0; i < vms; i++) {
            add(i, hubCount, random);
        }
        postgres = hubCount > 1 ? Postgres.start() : null;
        Path secret = Files.writeString(folder.resolve("secret"), Postgres.PASSWORD + "\n");
        List<String> words = new ArrayList<>(List.of(hubWords));
        if (postgres != null) {
            words.addAll(List.of("--database", postgres.database(DATABASE), "--database-user", Postgres.USER));
            words.addAll(List.of("--database-password-file", secret.toString()));
        }
        try {
            for (int i = 0; i < hubCount; i++) {
                hubs.add(HubProcess.start(folder.resolve("h" + i), before, words.toArray(String[]::new)));
            }
        } catch (IOException | RuntimeException | AssertionError e) {
            close();
            throw e;
        }
    }

    /** Every third is like the first, so that each agent has its own. */
    private void add(int number, int hubCount, Random random) throws IOException {
        int kind = number % AGENTS;
        int vcenter = kind == 2 ? 1 : 0;
        int hub = kind == 1 ? hubCount - 1 : 0;
        String host = "esx-" + vcenter + "-" + number / AGENTS % HOSTS;
        String datastore = "ds-" + vcenter + "-" + number / AGENTS % DATASTORES;
        SimVm vm = vcenters.get(vcenter)
                .addVm("DC0", "", datastore, (hub == 0 ? "east-" : "west-") + number)
                .changeTracking(true)
                .on(host);
        int disks = 1 + random.nextInt(2);
        for (int d = 0; d < disks; d++) {
            vm.addDisk((1 + random.nextInt(3)) * MIB + 512L * random.nextInt(9));
        }
        Machine machine = new Machine(vcenters.get(vcenter), vm, hub, host, datastore, disks);
        machines.add(machine);
        write(machine, random, 12);
    }

    /** The guest writes. */
    void write(Machine machine, Random random, int times) {
        for (int d = 0; d < machine.disks(); d++) {
            SimDisk disk = machine.vm().disk(2000 + d);
            try (RandomAccessFile file = new RandomAccessFile(disk.file().toFile(), "rw")) {
                for (int i = 0; i < times; i++) {
                    byte[] bytes = new byte[1 + random.nextInt(200_000)];
                    random.nextBytes(bytes);
                    file.seek(random.nextLong(disk.capacityBytes() - bytes.length + 1));
                    file.write(bytes);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    List<Machine> machines() {
        return Collections.unmodifiableList(machines);
    }

    List<HubProcess> hubs() {
        return Collections.unmodifiableList(hubs);
    }

    Optional<Postgres> postgres() {
        return Optional.ofNullable(postgres);
    }

    SimulatedVCenter vcenter(int number) {
        return vcenters.get(number);
    }

    VddkStandIn standIn(int number) {
        return standIns.get(number);
    }

    // ---- agents

    /** Which hub an agent serves. */
    int hubOf(int agent) {
        return agent == 1 ? hubs.size() - 1 : 0;
    }

    private int vcenterOf(int agent) {
        return agent == 2 ? 1 : 0;
    }

    /** Whether this agent can back it up. */
    boolean sees(int agent, Machine machine) {
        return hubOf(agent) == machine.hub() && vcenters.get(vcenterOf(agent)) == machine.vcenter();
    }

    static String name(int agent) {
        return "agent-" + agent;
    }

    /** Starts all of them, and waits until their hubs know the VMs. */
    void startAgents(int slots, String... more) {
        for (int i = 0; i < AGENTS; i++) {
            agents.add(launch(i, slots, more));
        }
        for (Machine machine : machines) {
            Waiting.until(
                    "hub " + machine.hub() + " knows " + machine.vm().name(),
                    SOON,
                    () -> ask(machine.hub(), "vms").toString().contains(machine.id()));
        }
        for (int i = 0; i < AGENTS; i++) {
            String mine = name(i);
            int hub = hubOf(i);
            Waiting.until(
                    mine + " has told what it sees",
                    SOON,
                    () -> ask(hub, "agents").getAsJsonArray("agents").asList().stream()
                            .map(JsonElement::getAsJsonObject)
                            .anyMatch(agent ->
                                    agent.get("name").getAsString().equals(mine) && agent.has("discoveredAt")));
        }
        if (hubs.size() > 1) {
            place();
        }
    }

    /** Each VM goes to its own hub, also where agents of both see it. */
    private void place() {
        List<String> ids = hubs.stream()
                .map(hub -> curl(hub, "http://hub/health").get("repository").getAsString())
                .toList();
        for (Machine machine : machines) {
            String to = "{\"hub\":\"" + ids.get(machine.hub()) + "\"}";
            curl(hubs.getFirst(), "-X", "PUT", "--json", to, "http://hub/api/v1/vms/" + machine.id() + "/place");
        }
    }

    private static JsonObject curl(HubProcess hub, String... words) {
        List<String> line = new ArrayList<>(List.of(
                "curl",
                "-sS",
                "--fail",
                "--max-time",
                "30",
                "--unix-socket",
                hub.socket().toString()));
        line.addAll(List.of(words));
        String said = Tool.run(line.toArray(String[]::new));
        return said.isBlank() ? new JsonObject() : JsonParser.parseString(said).getAsJsonObject();
    }

    private CopyProcess launch(int agent, int slots, String... more) {
        List<String> words = new ArrayList<>(List.of("agent", "serve", "--name", name(agent)));
        words.addAll(List.of("--slots", Integer.toString(slots)));
        words.addAll(jobWords(agent));
        words.addAll(List.of(more));
        return run(words);
    }

    /** Starts a program. */
    CopyProcess run(List<String> words) {
        return CopyProcess.start(folder, before, words);
    }

    /** From now on this agent reaches its hub so. */
    void goBy(int agent, List<String> road) {
        roads.put(agent, road);
    }

    /** What an agent says to each of its backups. */
    private List<String> jobWords(int agent) {
        SimulatedVCenter vcenter = vcenters.get(vcenterOf(agent));
        try {
            List<String> words = new ArrayList<>();
            words.addAll(List.of("--vmware-endpoint", vcenter.endpoint().toString()));
            words.addAll(List.of("--vmware-username", vcenter.settings().username()));
            words.addAll(List.of("--vmware-thumbprint", vcenter.sha256().toString()));
            words.addAll(List.of("--vmware-password-file", passwordFile.toString()));
            words.addAll(hubs.get(hubOf(agent)).to());
            words.addAll(roads.getOrDefault(agent, List.of()));
            words.addAll(List.of(
                    "--vddk-plugin",
                    String.join(" ", standIns.get(vcenterOf(agent)).plugin())));
            words.addAll(List.of("--state-dir", folder.resolve("a" + agent).toString()));
            words.addAll(List.of("--connections", "2", "--checkpoint-every", "4M"));
            words.addAll(List.of("--timeout", "30s", "--call-timeout", "30s", "--retry-for", "60s"));
            return words;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Goes on with a job by hand, where an agent had it. */
    Run goOn(int agent, Machine machine, String id) {
        List<String> words = new ArrayList<>(List.of("migrate", "--job-id", id, "--vmware-path", machine.id()));
        words.addAll(jobWords(agent));
        try (CopyProcess process = run(words)) {
            return process.end(SOON);
        }
    }

    CopyProcess agent(int number) {
        return agents.get(number);
    }

    void startAgain(int agent, int slots, String... more) {
        agents.set(agent, launch(agent, slots, more));
    }

    // ---- hubs

    /** A command to a hub. */
    String[] words(int hub, String... words) {
        List<String> line = new ArrayList<>(List.of("hub"));
        line.addAll(List.of(words));
        line.addAll(hubs.get(hub).to());
        return line.toArray(String[]::new);
    }

    Run tell(int hub, String... words) {
        return Run.migratekit(words(hub, words));
    }

    void tellWell(int hub, String... words) {
        Run run = tell(hub, words);
        assertEquals(0, run.code(), run::toString);
    }

    /** What a hub says; it has to say something. */
    JsonObject ask(int hub, String... words) {
        Run run = tell(hub, json(words));
        assertEquals(0, run.code(), run::toString);
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    /** What a hub says, which may be away. */
    Optional<JsonObject> askIfThere(int hub, String... words) {
        Run run = tell(hub, json(words));
        return run.code() == 0 ? Optional.of(JsonParser.parseString(run.out()).getAsJsonObject()) : Optional.empty();
    }

    private static String[] json(String... words) {
        List<String> line = new ArrayList<>(List.of(words));
        line.add("--json");
        return line.toArray(String[]::new);
    }

    JsonObject job(int hub, String id) {
        return list(ask(hub, "jobs", id), "jobs").getFirst();
    }

    /** The one restore point of a VM is whole, and what its last snapshot froze. */
    void assertOneTruePoint(Machine machine) {
        List<JsonObject> points = list(ask(machine.hub(), "list"), "backups").stream()
                .filter(point -> point.get("vm").getAsString().equals(machine.id()))
                .toList();
        assertEquals(1, points.size(), () -> machine.vm().name() + " has " + points);
        JsonObject point = points.getFirst();
        assertEquals("sealed", point.get("state").getAsString(), point::toString);
        assertTrue(point.get("complete").getAsBoolean(), point::toString);
        String frozen = machine.vm().history().getLast().moref();
        List<JsonObject> disks = list(point, "disks");
        assertEquals(machine.disks(), disks.size(), point::toString);
        Path repository = hubs.get(machine.hub()).repository();
        for (JsonObject disk : disks) {
            Path truth = machine.vcenter().truth(frozen, disk.get("key").getAsInt());
            Path layer = repository.resolve(disk.get("layer").getAsString());
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", truth.toString(), layer.toString());
        }
        assertTrue(
                machine.vm().snapshots().isEmpty(),
                () -> machine.vm().name() + " keeps " + machine.vm().snapshots());
    }

    static List<JsonObject> list(JsonObject answer, String name) {
        return answer.getAsJsonArray(name).asList().stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    @Override
    public void close() {
        agents.forEach(CopyProcess::close);
        try {
            hubs.forEach(HubProcess::close);
        } finally {
            if (postgres != null) {
                postgres.close();
            }
            vcenters.forEach(SimulatedVCenter::close);
        }
    }
}
