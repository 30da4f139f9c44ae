package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in, whom do we trust, and how soon do we know that it will not work? */
class LoginTest {
    private static final String SECRET = "correct horse battery staple";

    @TempDir
    Path directory;

    private Hub hub;

    @BeforeEach
    void startHub() throws IOException {
        hub = Hub.start(directory);
    }

    @AfterEach
    void stopHub() {
        hub.close();
    }

    @Test
    void theStepsAreTold() throws Exception {
        List<Step> steps = new ArrayList<>();
        try (EchoServer echo = EchoServer.echo()) {
            SshTunnel.probe(hub.spec(), Forward.toPort(0, echo.port()), (step, _) -> steps.add(step));
        }
        assertEquals(List.of(Step.values()), steps);
    }

    @Test
    void anUnknownHostKeyIsRefused() throws Exception {
        Path empty = Files.createFile(directory.resolve("empty"));
        TunnelException e = fails(hub.spec(), new HostKeys.KnownHosts(List.of(empty)));
        assertInstanceOf(TunnelException.HostKeyUnknown.class, e);
        assertSays(e, "host key of this server is not known", fingerprint(), "ssh-keygen -lf", empty.toString());
        assertEquals(0, Files.size(empty), "nothing may be learned");
    }

    @Test
    void aMissingFileOfKnownHostsKnowsNobody() {
        TunnelException e = fails(hub.spec(), new HostKeys.KnownHosts(List.of(directory.resolve("nowhere"))));
        assertInstanceOf(TunnelException.HostKeyUnknown.class, e);
    }

    @Test
    void aChangedHostKeyIsRefused() throws Exception {
        for (String type : List.of("ed25519", "ecdsa")) { // the second is not even of the type that the server shows
            Path other = key(type, "other-" + type, "");
            Path known = directory.resolve("changed-" + type);
            Files.writeString(known, "[127.0.0.1]:" + hub.sshd.port() + " " + Files.readString(publicOf(other)));
            TunnelException e = fails(hub.spec(), new HostKeys.KnownHosts(List.of(known)));
            assertInstanceOf(TunnelException.HostKeyChanged.class, e);
            assertSays(e, "another host key", fingerprint(), known.toString());
        }
    }

    @Test
    void hashedNamesAreUnderstood() throws Exception {
        Path hashed = directory.resolve("hashed");
        Files.copy(hub.sshd.knownHosts(), hashed);
        Tool.run("ssh-keygen", "-q", "-H", "-f", hashed.toString());
        assertTrue(Files.readString(hashed).startsWith("|1|"));
        succeeds(withHostKeys(hub.spec(), new HostKeys.KnownHosts(List.of(hashed))));
    }

    @Test
    void aPinnedFingerprintIsEnough() {
        succeeds(withHostKeys(hub.spec(), new HostKeys.Pinned(fingerprint())));
    }

    @Test
    void anotherPinnedFingerprintIsRefused() {
        String pin = "SHA256:" + "A".repeat(43);
        TunnelException e = fails(hub.spec(), new HostKeys.Pinned(pin));
        assertInstanceOf(TunnelException.HostKeyChanged.class, e);
        assertSays(e, fingerprint(), pin);
    }

    @Test
    void aFingerprintOfAnotherFormIsExplained() {
        TunnelException e = assertThrows(TunnelException.BadSpec.class, () -> new HostKeys.Pinned("MD5:aa:bb"));
        assertSays(e, "ssh-keygen -lf");
    }

    @Test
    void aKeyThatTheServerDoesNotKnow() throws Exception {
        Path stranger = key("ed25519", "stranger", "");
        TunnelException e = fails(withKeys(SshKeys.of(stranger)));
        assertInstanceOf(TunnelException.AuthenticationFailed.class, e);
        assertSays(e, stranger.toString(), "authorized_keys");
    }

    @Test
    void keysOfAllTypesOpenTheDoor() throws Exception {
        for (String type : List.of("ed25519", "ecdsa", "rsa")) {
            Path key = key(type, "key-" + type, "");
            authorize(key);
            succeeds(withKeys(SshKeys.of(key)));
        }
    }

    @Test
    void anEncryptedKeyNeedsItsPassphrase() throws Exception {
        Path key = key("ed25519", "encrypted", SECRET);
        authorize(key);
        Path passphrase = Files.writeString(directory.resolve("passphrase"), SECRET + "\n");
        succeeds(withKeys(SshKeys.of(key, passphrase)));

        TunnelException without = fails(withKeys(SshKeys.of(key)));
        assertInstanceOf(TunnelException.KeyUnusable.class, without);
        assertSays(without, key.toString(), "is encrypted");

        Files.writeString(passphrase, "a wrong one\n");
        TunnelException wrong = fails(withKeys(SshKeys.of(key, passphrase)));
        assertInstanceOf(TunnelException.KeyUnusable.class, wrong);
        assertSays(wrong, "does not open", key.toString(), passphrase.toString());
    }

    @Test
    void whatIsNotAKeyIsNotQuoted() throws Exception {
        Path nonsense = Files.writeString(directory.resolve("nonsense"), "my secret diary\n");
        TunnelException e = fails(withKeys(SshKeys.of(nonsense)));
        assertInstanceOf(TunnelException.KeyUnusable.class, e);
        assertTrue(!e.getMessage().contains("diary"), e.getMessage());
    }

    @Test
    void anAgentsKeyOpensTheDoor() throws Exception {
        Path socket = directory.resolve("agent");
        Process agent = new ProcessBuilder("ssh-agent", "-D", "-a", socket.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("agent.log").toFile())
                .start();
        try {
            io.migratekit.nbd.fixture.Waiting.until(
                    "the agent listens", Duration.ofSeconds(5), () -> Files.exists(socket));
            assertEquals(
                    0,
                    Tool.outcome(List.of(
                                    "env",
                                    "SSH_AUTH_SOCK=" + socket,
                                    "ssh-add",
                                    "-q",
                                    hub.sshd.userKey().toString()))
                            .exitStatus());
            SshKeys keys = new SshKeys(List.of(), Optional.of(socket));
            succeeds(withKeys(keys));

            // An agent that stands still is bounded by the limit of the authentication.
            try (Frozen _ = Frozen.process(agent.pid())) {
                TunnelException e = failsWithin(
                        Duration.ofSeconds(4), withKeys(keys).withLimits(Hub.QUICK.withTimeout(Duration.ofSeconds(2))));
                assertEquals(
                        Step.AUTHENTICATION,
                        assertInstanceOf(TunnelException.NoAnswer.class, e).step());
                assertSays(e, "ssh-agent does not answer");
            }
        } finally {
            agent.destroy();
        }
    }

    @Test
    void anEntryOfTheUsersConfigurationIsUnderstood() throws Exception {
        Path configuration = Files.writeString(directory.resolve("config"), """
                Host hub
                  HostName 127.0.0.1
                  Port %d
                  User %s
                  IdentityFile %s
                  UserKnownHostsFile %s
                Host far
                  ProxyJump hub
                """.formatted(
                        hub.sshd.port(), System.getProperty("user.name"), hub.sshd.userKey(), hub.sshd.knownHosts()));
        SshTarget.Configured entry = SshTarget.parse("hub", configuration);
        assertEquals(hub.target(), entry.target());
        succeeds(TunnelSpec.of(
                "configured",
                entry.target(),
                SshKeys.of(entry.keys().getFirst()),
                new HostKeys.KnownHosts(entry.knownHosts())));
        assertEquals(
                "someone",
                SshTarget.parse("someone@hub:5", configuration).target().user());
        assertEquals(5, SshTarget.parse("someone@hub:5", configuration).target().port());
        assertSays(
                assertThrows(TunnelException.BadSpec.class, () -> SshTarget.parse("far", configuration)), "ProxyJump");
    }

    @Test
    void targetsAreReadAsUsersWriteThem() {
        assertEquals("root@[::1]:2222", SshTarget.parse("root@[::1]:2222").toString());
        assertEquals(22, SshTarget.parse("backup@hub.example").port());
        for (String wrong : List.of("", "a b", "x@", "hub:0", "hub:70000", "hub:ssh")) {
            assertThrows(TunnelException.BadSpec.class, () -> SshTarget.parse(wrong), wrong);
        }
    }

    @Test
    void nobodyListens() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket()) {
            free.bind(Forward.loopback(0));
            port = free.getLocalPort();
        }
        TunnelException e = failsWithin(Duration.ofSeconds(2), at(port));
        assertInstanceOf(TunnelException.Unreachable.class, e);
        assertSays(e, "refused", "port " + port);
    }

    @Test
    void anotherKindOfServer() throws Exception {
        try (SilentServer web = SilentServer.onLoopback(SilentServer.Manner.HTTP)) {
            TunnelException e = failsWithin(Duration.ofSeconds(3), at(web.port()));
            assertInstanceOf(TunnelException.NotSsh.class, e);
            assertSays(e, "HTTP/1.1 400", "not an SSH server");
        }
    }

    @Test
    void aServerThatSaysNothing() throws Exception {
        try (SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            TunnelException e = failsWithin(Duration.ofSeconds(3), at(silent.port()));
            assertEquals(
                    Step.GREETING,
                    assertInstanceOf(TunnelException.NoAnswer.class, e).step());
            assertSays(e, "no SSH greeting within", "frozen");
        }
    }

    @Test
    void aServerThatStopsInTheMiddle() throws Exception {
        try (FaultProxy proxy = FaultProxy.toLoopback(hub.sshd.port())) {
            proxy.set(io.migratekit.nbd.fixture.Fault.freezeAfter(200)); // behind the greeting
            TunnelException e = failsWithin(Duration.ofSeconds(3), at(proxy.port()));
            assertEquals(
                    Step.KEY_EXCHANGE,
                    assertInstanceOf(TunnelException.NoAnswer.class, e).step());
        }
    }

    /** Who takes a broken connection for a key that does not fit gives up where trying again would help. */
    @Test
    void aConnectionThatBreaksWhileWeAuthenticateIsNoRefusal() throws Exception {
        try (FaultProxy proxy = FaultProxy.toLoopback(hub.sshd.port())) {
            TunnelSpec spec = at(proxy.port());
            spec = withHostKeys(
                    TunnelSpec.of(spec.name(), spec.target(), spec.keys(), spec.hostKeys())
                            .withLimits(Hub.QUICK),
                    new HostKeys.Pinned(fingerprint()));
            long before = proxy.bytesToClient();
            succeeds(spec);
            long all = proxy.bytesToClient() - before;
            for (int missing : new int[] {700, 400, 250, 150, 80, 40, 20}) {
                proxy.set(io.migratekit.nbd.fixture.Fault.cutAfter(Math.max(300, all - missing)));
                TunnelSpec cut = spec.withPersistence(Persistence.within(Duration.ofSeconds(1)));
                long began = System.nanoTime();
                try {
                    SshTunnel.open(cut).close(); // It may need some bytes less than the last time.
                } catch (TunnelException e) {
                    assertTrue(e.mayPass(), () -> missing + " bytes missing: " + e);
                }
                assertTrue(System.nanoTime() - began < 5_000_000_000L);
            }
        }
    }

    /** Neither in what is said nor in what is logged, at the finest level, appears a secret. */
    @Test
    void secretsStaySecret() throws Exception {
        Path key = key("ed25519", "canary", SECRET);
        authorize(key);
        Path passphrase = Files.writeString(directory.resolve("passphrase"), SECRET + "\n");
        TunnelSpec spec = withKeys(SshKeys.of(key, passphrase));
        try (HeardLog log = HeardLog.ofTunnel()) {
            succeeds(spec);
            Files.writeString(passphrase, SECRET + "x\n");
            String said = fails(spec) + spec.toString();
            String heard = log.text() + said;
            assertTrue(log.text().contains("jsch:"), "the finest level was not heard");
            assertTrue(!heard.contains(SECRET), "the passphrase is in: " + heard);
            for (String line : Files.readAllLines(key)) {
                assertTrue(line.startsWith("-----") || !heard.contains(line), "a line of the key is in: " + heard);
            }
        }
    }

    private TunnelSpec at(int port) {
        TunnelSpec spec = hub.spec();
        return new TunnelSpec(
                spec.name(),
                Hub.target(port),
                spec.keys(),
                spec.hostKeys(),
                spec.forwards(),
                Hub.QUICK.withTimeout(Duration.ofSeconds(1)),
                spec.persistence(),
                spec.dataLinks());
    }

    private TunnelSpec withKeys(SshKeys keys) {
        TunnelSpec spec = hub.spec();
        return TunnelSpec.of(spec.name(), spec.target(), keys, spec.hostKeys()).withLimits(spec.limits());
    }

    private static TunnelSpec withHostKeys(TunnelSpec spec, HostKeys known) {
        return TunnelSpec.of(spec.name(), spec.target(), spec.keys(), known).withLimits(spec.limits());
    }

    private static void succeeds(TunnelSpec spec) {
        try (SshTunnel tunnel = SshTunnel.open(spec)) {
            assertInstanceOf(TunnelState.Up.class, tunnel.state());
        }
    }

    private static TunnelException fails(TunnelSpec spec, HostKeys known) {
        return fails(withHostKeys(spec, known));
    }

    private static TunnelException fails(TunnelSpec spec) {
        return failsWithin(Duration.ofSeconds(10), spec);
    }

    private static TunnelException failsWithin(Duration limit, TunnelSpec spec) {
        long began = System.nanoTime();
        TunnelException e =
                assertThrows(TunnelException.class, () -> SshTunnel.open(spec).close());
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        assertTrue(took.compareTo(limit) < 0, "took " + took);
        return e;
    }

    private static void assertSays(TunnelException e, String... words) {
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), () -> "\"" + word + "\" is missing in: " + e.getMessage());
        }
    }

    private String fingerprint() {
        String line = Tool.run(
                "ssh-keygen", "-lf", directory.resolve("sshd/host_key.pub").toString());
        return line.split(" ", -1)[1];
    }

    private Path key(String type, String name, String passphrase) {
        Path key = directory.resolve(name);
        Tool.run("ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "test", "-f", key.toString());
        return key;
    }

    private static Path publicOf(Path key) {
        return Path.of(key + ".pub");
    }

    private void authorize(Path key) throws IOException {
        Files.writeString(directory.resolve("sshd/authorized_keys"), Files.readString(publicOf(key)));
    }
}
