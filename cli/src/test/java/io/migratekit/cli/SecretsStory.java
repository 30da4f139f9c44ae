package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** What is done with secrets, and what goes wrong with them, from the first login to the last restore? Everything verbosely. */
final class SecretsStory {
    /** The one that a hub's database may have. */
    static final String OF_DOOR = "token of the agent's door";
    /** Signs that JSON, XML, URLs and shells write in other ways. */
    static final String ODD = "v\"&<\u00fc>\\ ";

    private static final Duration SOON = Duration.ofSeconds(60);

    private final Path folder;
    private final Canaries canaries;
    private final Random random;
    private final LoopbackSshd sshd;
    private final Path key;
    private final Path passphrase;
    private final MigrateLab lab;
    private final HubProcess hub;
    private final HubProcess second;
    private final ServiceProcess service;
    private final Path boss;

    /** Who plays in it. The key is encrypted; the second hub has a database of its own. */
    record Cast(
            LoopbackSshd sshd,
            Path key,
            Path passphrase,
            MigrateLab lab,
            HubProcess hub,
            HubProcess second,
            ServiceProcess service) {}

    SecretsStory(Path folder, Canaries canaries, Random random, Cast cast) throws IOException {
        this.folder = folder;
        this.canaries = canaries;
        this.random = random;
        sshd = cast.sshd();
        key = cast.key();
        passphrase = cast.passphrase();
        lab = cast.lab();
        hub = cast.hub();
        second = cast.second();
        service = cast.service();
        boss = token(hub, "boss");
    }

    private Path token(HubProcess of, String name, String... more) throws IOException {
        Run run = Run.migratekit(words(
                List.of(
                        "hub",
                        "token",
                        "add",
                        name,
                        "--repository",
                        of.repository().toString()),
                List.of(more)));
        assertEquals(0, run.code(), run::toString);
        canaries.watch("token of " + name, run.out().strip());
        return canaries.give(folder.resolve("token-" + name), run.out().strip());
    }

    @SafeVarargs
    static String[] words(List<String>... parts) {
        List<String> line = new ArrayList<>();
        for (List<String> part : parts) {
            line.addAll(part);
        }
        return line.toArray(String[]::new);
    }

    private Run run(String... line) {
        try (CopyProcess process = CopyProcess.start(folder, service.environment(), List.of(line))) {
            return process.end(SOON);
        }
    }

    private Run well(String... line) {
        Run run = run(line);
        assertEquals(0, run.code(), () -> String.join(" ", line) + ": " + run);
        return run;
    }

    private List<String> ssh(String option, Path opener) {
        return List.of(
                option,
                System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                option + "-key",
                key.toString(),
                option + "-passphrase-file",
                opener.toString(),
                option + "-known-hosts",
                sshd.knownHosts().toString());
    }

    private List<String> to(Path token) {
        return List.of("--hub", hub.url(), "--hub-token-file", token.toString());
    }

    /** The words that say which vCenter, with this password. */
    private List<String> vcenter(Path password) {
        return Stream.of(lab.source(), lab.trust(), List.of("--vmware-password-file", password.toString()))
                .flatMap(List::stream)
                .toList();
    }

    /** The wrong secrets are not to be seen either; gives the hub that its database is still going to refuse. */
    CopyProcess refused(List<String> shared) throws IOException {
        Path noPassword =
                canaries.give(folder.resolve("wrong-password"), canaries.make("wrong vCenter password", ODD, ""));
        Path noToken = canaries.give(folder.resolve("wrong-token"), canaries.make("wrong token", "mkh_", ""));
        Path noOpener =
                canaries.give(folder.resolve("wrong-passphrase"), canaries.make("wrong passphrase", "p\"& ", ""));
        Path noDatabase = canaries.give(
                folder.resolve("wrong-database-password"), canaries.make("wrong database password", "d ", ""));
        List<String> state = List.of("--state-dir", lab.state().toString(), "--debug");
        Run run = run(words(
                List.of("migrate", "--job-id", "refused"),
                vcenter(noPassword),
                state,
                to(boss),
                List.of("--tunnel", "hub")));
        assertEquals(11, run.code(), run::toString);
        run = run(words(List.of("doctor", "--job-id", "refused"), vcenter(noPassword), state, to(noToken)));
        assertNotEquals(0, run.code(), run::toString);
        assertTrue(run.out().contains("hub token"), run::toString);
        run = run(words(List.of("hub", "list", "--debug", "--tunnel", "hub"), to(noToken)));
        assertEquals(41, run.code(), run::toString);
        run = run(words(List.of("hub", "list", "--debug"), to(boss), ssh("--ssh", noOpener)));
        assertEquals(20, run.code(), run::toString);
        // That takes a while, since a database may be on its way; meanwhile the story goes on.
        return CopyProcess.start(
                folder,
                service.environment(),
                List.of(words(
                        List.of(
                                "hub",
                                "serve",
                                "-v",
                                "--repository",
                                folder.resolve("none").toString()),
                        List.of("--listen", "127.0.0.1:0", "--database-password-file", noDatabase.toString()),
                        shared)));
    }

    void anAgentServes() throws IOException {
        Path far = token(hub, "far", "--vm", "*");
        int port = LoopbackSshd.freePort();
        List<String> serving =
                lab.serving(to(far), words(List.of("--name", "far", "--rate", "100K", "-v"), ssh("--ssh", passphrase)));
        lab.guestWrites(random, 20);
        try (CopyProcess agent = CopyProcess.start(
                folder,
                service.environment(),
                List.of(words(
                        serving,
                        List.of("--listen", "127.0.0.1:" + port, "--reached-at", "" + LoopbackSshd.freePort()))))) {
            Waiting.until("the hub knows the VM", SOON, () -> polled("vms").contains("web01"));
            Path door = lab.state().resolve("agent/token");
            canaries.watch(OF_DOOR, Files.readString(door).strip());
            canaries.given(door);
            asked("schedule", "nightly", "--at", "30 22 * * *", "--vm", "web*");
            asked("start", "web01", "--id", "one");
            Waiting.until(
                    "it copies",
                    SOON,
                    () -> lab.ask("status", "one", "--json").out().contains("\"copying\""));
            List<Long> jobs = agent.children().stream()
                    .filter(pid -> ProcessHandle.of(pid)
                            .flatMap(one -> one.info().command())
                            .orElse("")
                            .endsWith("java"))
                    .toList();
            assertEquals(1, jobs.size(), agent::err);
            agent.signal(jobs.getFirst(), "USR1");
            agent.signal(jobs.getFirst(), "QUIT");
            well(words(List.of(
                    "status", "--job-id", "one", "--state-dir", lab.state().toString())));
            well(words(
                    List.of("why", "--job-id", "one", "--state-dir", lab.state().toString())));
            asked("jobs", "one", "--live");
            asked("jobs", "one", "--live", "--json");
            agent.signal("QUIT");
            hub.process().signal("QUIT");
            agent.signal(service.pid(), "QUIT");
            for (CopyProcess each : List.of(agent, hub.process())) {
                Waiting.until("it shows its threads", SOON, () -> each.out().contains("JNI global refs"));
            }
            for (String path : List.of("health", "api/v1/agent", "api/v1/jobs/one")) {
                http("http://127.0.0.1:" + port + "/" + path, door);
            }
            lab.ask("rate", "one", "0");
            Waiting.until("it is done", SOON, () -> polled("jobs", "one").contains("done"));
            agent.kill();
        }
    }

    /** The hub, through the tunnel that runs. */
    private Run asked(String... what) {
        return well(words(List.of("hub"), List.of(what), to(boss), List.of("--tunnel", "hub", "-v")));
    }

    /** The same through its private socket, and in this JVM. */
    private String polled(String... what) {
        return Run.migratekit(words(List.of("hub"), List.of(what), hub.to())).out();
    }

    void aBackupCrashesAndGoesOn() {
        lab.guestWrites(random, 20);
        List<List<String>> way =
                List.of(lab.trust(), lab.password(), to(boss), List.of("--tunnel", "hub"), List.of("--full"));
        try (CopyProcess crash = lab.startWith(service.environment(), "two", way, "--debug", "--rate", "100K")) {
            Waiting.until(
                    "it copies",
                    SOON,
                    () -> lab.ask("status", "two", "--json").out().contains("\"copying\"") || !crash.isAlive());
            assertTrue(crash.isAlive(), crash::err);
            crash.signal("QUIT");
            Waiting.until(
                    "it shows its threads", SOON, () -> crash.out().contains("JNI global refs") || !crash.isAlive());
            crash.kill();
        }
        Run doctor = run(words(
                List.of(
                        "doctor",
                        "-v",
                        "--job-id",
                        "two",
                        "--state-dir",
                        lab.state().toString()),
                vcenter(folder.resolve("password")),
                to(boss),
                List.of("--tunnel", "hub", "--vddk-plugin", String.join(" ", plugin()))));
        assertTrue(doctor.out().contains("checks are well"), doctor::toString);
        try (CopyProcess again = lab.startWith(service.environment(), "two", way, "--debug", "--json")) {
            Run run = again.end(SOON);
            assertEquals(0, run.code(), run::toString);
        }
        String state = lab.state().toString();
        well(words(
                List.of("timeline", "--job-id", "two", "--state-dir", state),
                to(boss),
                List.of("--tunnel", "hub", "--debug")));
        List<String> exported = List.of(lab.target(2000).uri().toString(), "--debug");
        well(words(List.of("map"), exported, ssh("--ssh", passphrase)));
        well(words(List.of("info"), exported, List.of("--tunnel", "hub")));
    }

    private List<String> plugin() {
        try {
            return lab.standIn().plugin();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    void whatIsKept() throws IOException {
        asked("verify", "two");
        asked("show", "two", "--json");
        List<String> state = List.of("--state-dir", folder.resolve("copies").toString(), "--progress", "plain");
        well(words(
                List.of(
                        "hub",
                        "restore",
                        "two",
                        "--to",
                        folder.resolve("restored").toString(),
                        "-v"),
                to(boss),
                ssh("--ssh", passphrase),
                state));
        well(words(
                List.of("hub", "copy", "two", "--tunnel", "hub", "-v"),
                to(boss),
                List.of("--to-hub", second.url(), "--to-hub-token-file"),
                List.of(token(second, "other").toString()),
                ssh("--to-ssh", passphrase),
                state));
        for (String path : List.of(
                "health",
                "metrics",
                "",
                "page.js",
                "api/v1/status",
                "api/v1/backups",
                "api/v1/backups/one",
                "api/v1/vms",
                "api/v1/jobs",
                "api/v1/jobs/one",
                "api/v1/agents",
                "api/v1/agents/far/live",
                "api/v1/schedules",
                "api/v1/places",
                "api/v1/limits")) {
            http(hub.url() + "/" + path, boss);
        }
    }

    /** Keeps the answer, with its head, in a file. */
    private void http(String url, Path token) throws IOException {
        Path header = canaries.give(
                folder.resolve("header"),
                "Authorization: Bearer " + Files.readString(token).strip());
        Path kept = Files.createTempFile(folder, "http-", ".answer");
        Tool.run("curl", "-sS", "-i", "--max-time", "20", "-H", "@" + header, "-o", kept.toString(), url);
        String answer = Files.readString(kept);
        // The agent's own word is asked for when it has gone.
        assertTrue(
                answer.startsWith(url.endsWith("/live") ? "HTTP/1.1 503" : "HTTP/1.1 200"), () -> url + " " + answer);
    }
}
