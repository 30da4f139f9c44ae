package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.migratekit.nbd.TlsServers.Program;
import io.migratekit.nbd.TlsServers.Server;
import io.migratekit.nbd.fixture.FaultProxy;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Is a connection encrypted, and with nobody but the server that was meant, or else not made at all? */
class TlsTest {
    private static final String[] NAMES = {"localhost", "127.0.0.1"};

    @TempDir
    private static Path folder;

    /** Made once, because issuing certificates takes longer than the tests. */
    private static TlsServers servers;

    @BeforeAll
    static void issueCertificates() throws IOException {
        servers = new TlsServers(folder);
    }

    private static String certificates(Path files) {
        return "tls-certificates=" + files;
    }

    // ---- certificates

    @ParameterizedTest
    @EnumSource
    void theRightServerIsAcceptedByNameAndByAddress(Program program) {
        try (Server server = servers.withCertificates(program, servers.server, false)) {
            for (String name : NAMES) {
                assertWorks(server.uri(name, certificates(servers.anonymous)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aServerOfAForeignAuthorityIsRejected(Program program) {
        try (Server server = servers.withCertificates(program, servers.foreign, false)) {
            for (String name : NAMES) {
                assertRejected(server.uri(name, certificates(servers.anonymous)), "certificate");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aServerOfAnotherNameIsRejected(Program program) {
        try (Server server = servers.withCertificates(program, servers.elsewhere, false)) {
            for (String name : NAMES) {
                assertRejected(server.uri(name, certificates(servers.anonymous)), "for this host name");
            }
        }
        try (Server server = servers.withCertificates(program, servers.onlyName, false)) {
            assertWorks(server.uri("localhost", certificates(servers.anonymous)));
            assertRejected(server.uri("127.0.0.1", certificates(servers.anonymous)), "for this host name");
        }
    }

    /** qemu-nbd would not even start with it. */
    @Test
    void anExpiredCertificateIsRejected() {
        try (Server server = servers.withCertificates(Program.NBDKIT, servers.expired, false)) {
            assertRejected(server.uri("localhost", certificates(servers.anonymous)), "valid today");
        }
    }

    /** A tunnel ends at localhost: whoever sits at its far end has to be the one that was meant all the same. */
    @Test
    void whatIsAtTheFarEndOfATunnelIsCheckedLikeAnyServer() throws IOException {
        try (Server right = servers.withCertificates(Program.NBDKIT, servers.server, false);
                Server wrong = servers.withCertificates(Program.NBDKIT, servers.foreign, false);
                FaultProxy toRight = FaultProxy.toLoopback(right.port());
                FaultProxy toWrong = FaultProxy.toLoopback(wrong.port())) {
            assertWorks("nbds://localhost:" + toRight.port() + "/?" + certificates(servers.anonymous));
            assertRejected(
                    "nbds://localhost:" + toWrong.port() + "/?" + certificates(servers.anonymous), "certificate");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aServerThatWantsToKnowTheClientGetsItsCertificateOrIsNotUsed(Program program) {
        try (Server server = servers.withCertificates(program, servers.server, true)) {
            assertWorks(server.uri("localhost", certificates(servers.client)));
            assertRejected(server.uri("localhost", certificates(servers.anonymous)), "wants one and got none");
        }
    }

    /** libnbd before 1.22 would accept anybody's certificate there. */
    @Test
    void certificatesOverAUnixSocketAreRefusedWhereTheyCannotBeChecked() {
        assumeFalse(Handle.canCheckHostNameOverSocket());
        try (Server server = servers.withCertificatesOnUnixSocket(Program.NBDKIT, servers.server)) {
            assertRejected(
                    server.uri("", certificates(servers.anonymous)),
                    "certificates over a unix socket need libnbd 1.22 or later",
                    "would not check whose certificate it is shown",
                    "Use keys instead (tls-psk-file)");
            assertRejected(
                    server.uri("", "tls-hostname=localhost&" + certificates(servers.anonymous)),
                    "need libnbd 1.22 or later");
        }
        try (Server server = servers.withCertificates(Program.NBDKIT, servers.server, false)) {
            assertRejected(
                    server.uri("localhost", "tls-hostname=localhost&" + certificates(servers.anonymous)),
                    "tls-hostname need");
        }
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheUserCanSwitchTheCheckOff(Program program) {
        try (Server foreign = servers.withCertificates(program, servers.foreign, false);
                Server unix = servers.withCertificatesOnUnixSocket(program, servers.foreign)) {
            assertWorks(foreign.uri("127.0.0.1", "tls-verify-peer=false&" + certificates(servers.anonymous)));
            assertWorks(unix.uri("", "tls-verify-peer=false&" + certificates(servers.anonymous)));
            assertRejected(
                    foreign.uri("127.0.0.1", "tls-verify-peer=true&" + certificates(servers.anonymous)), "certificate");
        }
    }

    /** Without a folder of ours, or with a wrong one, libnbd before 1.22 accepts anybody's certificate. */
    @Test
    void nothingIsConnectedThatNobodyVouchesFor() throws IOException {
        Path empty = Files.createDirectories(folder.resolve("empty"));
        try (Server server = servers.withCertificates(Program.NBDKIT, servers.foreign, false)) {
            for (Path wrong : List.of(folder.resolve("nowhere"), empty, servers.server.resolve("ca-cert.pem"))) {
                String authority = wrong.resolve("ca-cert.pem").toString();
                assertRejected(server.uri("localhost", certificates(wrong)), "cannot read " + authority);
            }
            assertRejected(
                    server.uri("localhost", "x").replace("?x", ""),
                    Handle.canCheckHostNameOverSocket() ? "not accepted" : "(1.22 or later can)");
        }
    }

    // ---- keys

    @ParameterizedTest
    @EnumSource
    void keysWorkOnEveryRoad(Program program) {
        try (Server tcp = servers.withKeys(program);
                Server unix = servers.withKeysOnUnixSocket(program)) {
            for (Server server : List.of(tcp, unix)) {
                assertWorks(server.uriWithKey("alice", servers.keys));
                assertRejected(server.uriWithKey("alice", servers.otherKeys), "the same key");
                assertRejected(server.uriWithKey("bob", servers.keys), "key");
            }
        }
    }

    @Test
    void manyRequestsInFlightAreEncryptedAndCorrect() {
        long seed = System.nanoTime();
        System.out.println("TlsTest.manyRequestsInFlightAreEncryptedAndCorrect seed=" + seed);
        try (Server server = servers.withKeys(Program.NBDKIT);
                NbdConnection connection = Checks.open(server.uriWithKey("alice", servers.keys))) {
            RandomRequests requests = new RandomRequests(seed, TlsServers.DISK, 32);
            requests.run(connection, 1000);
            requests.checkWhole(connection);
        }
    }

    // ---- one side encrypts, the other does not

    @ParameterizedTest
    @EnumSource
    void aServerThatInsistsOnEncryptionSaysSo(Program program) {
        try (Server server = servers.withKeys(program)) {
            String plain = server.uri().replace("nbds:", "nbd:");
            assertRejected(plain, "insists on encryption", "Use nbds:", "tls-psk-file=FILE");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aServerWithoutEncryptionIsNotUsedWhereItIsWanted(Program program) {
        try (Server server = servers.plain(program)) {
            String encrypted = server.uri().replace("nbd:", "nbds:");
            assertRejected(
                    encrypted + "?tls-psk-file=" + servers.keys, "offers no encryption", "Give it TLS credentials");
            assertRejected(encrypted + "?" + certificates(servers.anonymous), "offers no encryption");
        }
    }

    // ---- helpers

    private static void assertWorks(String uri) {
        try (NbdConnection connection = Checks.open(uri);
                Arena arena = Arena.ofConfined()) {
            assertTrue(connection.info().protocol().tls(), uri);
            connection.await(connection.read(arena.allocate(65536), 0));
        }
    }

    /** No connection, at once, and a message that names the peer and says what to do. */
    private static void assertRejected(String uri, String... expected) {
        long started = System.nanoTime();
        NbdException.TlsFailed failed = assertThrows(NbdException.TlsFailed.class, () -> Checks.open(uri), uri);
        Checks.message(failed, uri + ": ");
        Checks.message(failed, expected);
        Checks.tookLessThan(Duration.ofSeconds(5), started);
    }
}
