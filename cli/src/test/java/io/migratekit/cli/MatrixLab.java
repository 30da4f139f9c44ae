package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NetNamespace;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.Settings;
import io.migratekit.vmware.sim.SimulatedVCenter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * What does a fault find? All hops of a backup, each of them real: the agent in a network of its own, the hub with its sshd
 * in another one, a vCenter in a third, a cable from each to the next.
 */
final class MatrixLab implements AutoCloseable {
    static final String HUB_HOST = "hub.matrix.test";
    static final String VCENTER_HOST = "vcenter.matrix.test";
    static final int SSH_PORT = 2222;
    static final int API_PORT = 9080;
    static final Duration LIMIT = Duration.ofMinutes(4);

    private static final String LOOPBACK = "127.0.0.1 localhost\n";
    private static final Duration SOON = Duration.ofSeconds(30);

    /** How does the agent reach the hub? */
    enum Road {
        EMBEDDED,
        SERVICE
    }

    private final Path folder;
    private final MatrixFault fault;
    private final Road road;
    private final Random random;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<String> mounted = new ArrayList<>();
    private final NetNamespace agentNet;
    private final NetNamespace hubNet;
    private final NetNamespace.Cable toAgent;
    private final NetNamespace.Cable toHub;
    private final LoopbackSshd sshd;
    private final HubLab lab;
    private @Nullable ServiceProcess service;
    private @Nullable CopyProcess agent;
    private List<String> hubWords;
    private List<List<String>> targetWords;
    private List<String> prefix = List.of();
    private String hosts = "";
    private boolean withoutService;
    private @Nullable List<String> trust;

    MatrixLab(Path folder, MatrixFault fault, Road road, Random random) throws IOException {
        this.folder = folder;
        this.fault = fault;
        this.road = road;
        this.random = random;
        try {
            agentNet = add(NetNamespace.make("agent"));
            hubNet = add(NetNamespace.make("hub"));
            toAgent = agentNet.cableFromHere();
            toHub = hubNet.cableFrom(agentNet);
            names(LOOPBACK + toHub.far() + " " + HUB_HOST + "\n" + toAgent.near() + " " + VCENTER_HOST + "\n");
            sshd = add(LoopbackSshd.startIn(
                    hubNet, toHub.far(), SSH_PORT, Files.createDirectories(folder.resolve("sshd"))));
            Files.writeString(
                    sshd.knownHosts(),
                    Files.readString(sshd.knownHosts()).replace(toHub.far(), HUB_HOST),
                    java.nio.file.StandardOpenOption.APPEND);
            MigrateLab source = new MigrateLab(
                    folder,
                    Settings.DEFAULT.atAddress(toAgent.near()),
                    fault.plan().diskBytes());
            source.callVCenter(VCENTER_HOST);
            if (fault.plan().repositoryBytes() > 0) {
                mount(folder.resolve("h/repository"), fault.plan().repositoryBytes());
            }
            if (fault.plan().stateBytes() > 0) {
                mount(source.state(), fault.plan().stateBytes());
            }
            lab = add(new HubLab(
                    source,
                    HubProcess.start(folder.resolve("h"), hubNet.words(), "--listen", "127.0.0.1:" + API_PORT)));
            hubWords = lab.hub().to();
            targetWords = List.of();
            fill(source);
        } catch (RuntimeException | Error | IOException e) {
            close();
            throw e;
        }
    }

    private <T extends AutoCloseable> T add(T one) {
        open.add(one);
        return one;
    }

    private void mount(Path where, long bytes) throws IOException {
        Files.createDirectories(where);
        Tool.run("mount", "-t", "tmpfs", "-o", "size=" + bytes, "tmpfs", where.toString());
        mounted.add(where.toString());
    }

    /** Every byte of the disks is data, so that a copy takes as long as its rate says. */
    private void fill(MigrateLab source) throws IOException {
        for (int key : lab.keys()) {
            byte[] content = new byte[Math.toIntExact(source.vm().disk(key).capacityBytes())];
            random.nextBytes(content);
            Path file = source.vm().disk(key).file();
            try (var disk = new java.io.RandomAccessFile(file.toFile(), "rw")) {
                disk.write(content);
            }
        }
    }

    // ---- what faults are made of

    Path folder() {
        return folder;
    }

    NetNamespace agentNet() {
        return agentNet;
    }

    NetNamespace hubNet() {
        return hubNet;
    }

    String hubAddress() {
        return toHub.far();
    }

    /** The device at the hub's end of the cable between agent and hub. */
    String hubDevice() {
        return toHub.device();
    }

    LoopbackSshd sshd() {
        return sshd;
    }

    Path sshdFile(String name) {
        return folder.resolve("sshd").resolve(name);
    }

    HubProcess hub() {
        return lab.hub();
    }

    HubLab lab() {
        return lab;
    }

    MigrateLab source() {
        return lab.source();
    }

    SimulatedVCenter vcenter() {
        return lab.source().vcenter();
    }

    CopyProcess agent() {
        return java.util.Objects.requireNonNull(agent);
    }

    ServiceProcess service() {
        return java.util.Objects.requireNonNull(service);
    }

    /** What a program of the agent's machine finds behind names. */
    void names(String text) {
        hosts = text;
        agentNet.etc("hosts", text);
    }

    String names() {
        return hosts;
    }

    void nameServer(String address) {
        agentNet.etc("resolv.conf", "nameserver " + address + "\noptions timeout:30 attempts:1\n");
    }

    /** How the agent is told where the hub is. */
    void hubAt(String... words) {
        hubWords = List.of(words);
    }

    /** As it is told at first: by its socket. */
    void hubAtSocket() {
        hubWords = hub().to();
    }

    /** By the port on its loopback and with a token that opens everything. */
    void hubAtPort() throws IOException {
        Run run = Run.migratekit(
                "hub",
                "token",
                "add",
                "all",
                "--vm",
                "*",
                "--repository",
                hub().repository().toString());
        assertEquals(0, run.code(), run::toString);
        Path token = Files.writeString(folder.resolve("all.token"), run.out());
        hubAt("--hub", "http://127.0.0.1:" + API_PORT, "--hub-token-file", token.toString());
    }

    /** No hub but an export for the only disk, as it is seen from the hub's machine. */
    void exportAt(String uri) {
        hubWords = List.of();
        targetWords = List.of(List.of("--nbd-target", uri));
    }

    /** Words with which the agent's next command begins, such as prlimit. */
    void agentBehind(String... words) {
        prefix = List.of(words);
    }

    /** The nbdkits of the agent that serve a disk. */
    List<Long> diskServers() {
        return ProcessHandle.of(agent().pid()).stream()
                .flatMap(ProcessHandle::descendants)
                .filter(process -> process.info().command().orElse("").endsWith("nbdkit")
                        && process.info().commandLine().orElse("").contains("snapshot="))
                .map(ProcessHandle::pid)
                .toList();
    }

    /** A delay of so much each way between the agent and sshd: what goes to its port takes the way round. */
    AutoCloseable delay(Duration oneWay) throws IOException {
        int port = 2223;
        List<String> words = new ArrayList<>(hubNet.words());
        words.addAll(List.of(
                "python3",
                Path.of("..", "bin", "delay_proxy.py")
                        .toAbsolutePath()
                        .normalize()
                        .toString(),
                hubAddress() + ":" + port,
                hubAddress() + ":" + SSH_PORT,
                Long.toString(oneWay.toMillis())));
        Process proxy = new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("delay.log").toFile())
                .start();
        Waiting.until(
                "the long road is there", SOON, () -> hubNet.in("ss", "-ltn").contains(":" + port));
        hubNet.filter("""
                chain around {
                    type nat hook prerouting priority -100
                    tcp dport %d redirect to :%d
                }
                """.formatted(SSH_PORT, port));
        return () -> {
            hubNet.heal();
            proxy.destroyForcibly();
        };
    }

    // ---- the backup

    void startService() throws IOException {
        if (road == Road.SERVICE && service == null && !withoutService) {
            service = add(ServiceProcess.launchBehind(
                    agentNet.words(),
                    folder,
                    HUB_HOST,
                    sshd,
                    fault.hop() == MatrixFault.Hop.CONTROL ? "" : ServiceProcess.QUICK));
        }
    }

    /** Whether nobody starts it. */
    void withoutService(boolean yes) {
        withoutService = yes;
    }

    /** What only a person can mend, a service has to be told of. */
    void restartService() throws IOException {
        if (service != null) {
            service.killAndStartAgain();
        }
    }

    /** From now on the agent trusts what it trusts now. */
    void trustFirst() {
        trust = source().trust();
    }

    void trustAgain() {
        trust = null;
    }

    void awaitService() {
        if (service != null) {
            service.awaitUp();
        }
    }

    /** It has tried at least once: a service runs long before a command comes. */
    void awaitServiceKnows() {
        ServiceProcess running = service;
        if (running != null) {
            Waiting.until("the service knows how its tunnel is", SOON, running::knows);
        }
    }

    private List<String> before() {
        List<String> words = new ArrayList<>(agentNet.words());
        if (road == Road.SERVICE) {
            words.addAll(List.of("env", "MIGRATEKIT_RUNTIME_DIR=" + folder.resolve("run")));
        }
        return words;
    }

    private List<String> through() {
        return road == Road.SERVICE
                ? List.of("--tunnel", "hub")
                : List.of(
                        "--ssh",
                        "root@" + HUB_HOST + ":" + SSH_PORT,
                        "--ssh-key",
                        sshd.userKey().toString(),
                        "--ssh-known-hosts",
                        sshd.knownHosts().toString());
    }

    CopyProcess backUp(String job, String... more) {
        List<List<String>> parts = new ArrayList<>(
                List.of(trust == null ? source().trust() : trust, source().password(), hubWords, through()));
        parts.addAll(targetWords);
        List<String> words = before();
        words.addAll(prefix);
        agent = source().startWith(words, job, parts, more);
        open.add(agent);
        return agent;
    }

    /** With all the patience that a busy machine takes, and nothing in its way. */
    void backUpWell(String job) {
        prefix = List.of();
        Run run = backUp(job, "--json").end(LIMIT);
        assertEquals(0, run.code(), run::toString);
    }

    void awaitCopying(String job) {
        Waiting.until(
                "it copies",
                SOON,
                () -> !agent().isAlive()
                        || source().ask("status", job, "--json").out().contains("\"copying\""));
        HubTrouble.sleep(700);
        if (!agent().isAlive()) {
            throw new AssertionError("it ended before anything broke: " + agent().err());
        }
    }

    boolean isDirect() {
        return !targetWords.isEmpty();
    }

    void guestWrites() {
        source().guestWrites(random, 3);
    }

    MatrixFault fault() {
        return fault;
    }

    @Override
    public void close() throws IOException {
        List<Throwable> failures = new ArrayList<>();
        for (AutoCloseable one : open.reversed()) {
            try {
                one.close();
            } catch (Exception | AssertionError e) {
                failures.add(e);
            }
        }
        mounted.reversed().forEach(where -> Tool.outcome(List.of("umount", "-l", where)));
        if (!failures.isEmpty()) {
            throw new IOException("could not end everything", failures.getFirst());
        }
    }
}
