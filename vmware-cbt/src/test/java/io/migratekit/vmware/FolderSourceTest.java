package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Secret;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.fixture.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Is a disk read by HTTPS where that is allowed, from nobody but the server that we believe, and refused elsewhere? */
@Timeout(60)
class FolderSourceTest {
    private static final long SIZE_BYTES = 3 << 20;
    private static final String QUERY = "/folder/web%2001/web%2001-flat.vmdk?dcPath=ha-datacenter&dsName=ds%201";
    private static final String COOKIE = "vmware_soap_session=\"0123-abcd\"";
    private static final FolderSource.Facts QUIET = new FolderSource.Facts(false, 0, false, "VMFS");

    @TempDir
    private Path directory;

    private Path file;
    private Path certificates;
    private TlsFiles authority;
    private X509Certificate certificate;
    private HttpsFolder server;

    @BeforeEach
    void serveAFlatFile() throws Exception {
        long seed = ThreadLocalRandom.current().nextLong();
        System.out.println("FolderSourceTest: seed " + seed);
        file = new NbdImages(directory, seed).raw("web 01-flat.vmdk", SIZE_BYTES, new ByteRange(65_536, 2 << 20));
        authority = TlsFiles.newAuthority(directory);
        certificates = authority.server("server", "127.0.0.1", "localhost");
        certificate = HttpsFolder.certificate(certificates);
        server = new HttpsFolder(certificates, file, QUERY, "backup@vsphere.local:" + Disks.PASSWORD, COOKIE);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void readsTheFlatFileOfAPinnedServerWithThePasswordNowhereToBeSeen() throws Exception {
        try (DiskServer disk = start(spec("127.0.0.1", Disks.PASSWORD, pin(certificate)), Optional.empty())) {
            Path copy = directory.resolve("copy.raw");
            Tool.run("nbdcopy", disk.uri().toString(), copy.toString());
            assertEquals(-1, Files.mismatch(file, copy));
            String arguments = Files.readString(Path.of("/proc/" + disk.pid() + "/cmdline"));
            String environment = Files.readString(Path.of("/proc/" + disk.pid() + "/environ"));
            assertTrue(arguments.contains("password=-3"), arguments);
            assertFalse((arguments + environment).contains(Disks.PASSWORD));
            assertFalse(environment.toLowerCase(Locale.ROOT).contains("proxy"), environment);
        }
    }

    @Test
    void aSessionsCookieIsEnough() {
        VCenterSpec vc = spec("127.0.0.1", "wrong", pin(certificate));
        try (DiskServer disk = start(vc, Optional.of(new Secret(COOKIE.toCharArray())))) {
            Tool.run("nbdcopy", disk.uri().toString(), "null:");
            assertFalse(server.requests.isEmpty());
        }
    }

    @Test
    void anAuthorityOfOurChoiceIsEnough() {
        Trust trust = new Trust.CaFile(directory.resolve("ca-cert.pem"));
        try (DiskServer disk = start(spec("localhost", Disks.PASSWORD, trust), Optional.empty())) {
            Tool.run("nbdcopy", disk.uri().toString(), "null:");
        }
    }

    @Test
    void anotherCertificateThanThePinnedOneIsNotBelieved() throws Exception {
        X509Certificate another = HttpsFolder.certificate(authority.server("another", "127.0.0.1"));
        // Before anything is started, when we have seen it ourselves ...
        assertThrows(
                VSphereException.Untrusted.class,
                () -> start(spec("127.0.0.1", Disks.PASSWORD, pin(another)), Optional.empty()));
        // ... and when the server shows another one to curl than it has shown to us.
        VCenterSpec vc = spec("127.0.0.1", Disks.PASSWORD, pin(another));
        String message = failure(vc, another);
        assertTrue(message.contains("not the one that was pinned"), message);
        assertEquals(List.of(), server.requests, "the password must not have been sent");
    }

    @Test
    void aPinDoesNotReplaceTheName() throws Exception {
        Path elsewhere = authority.server("elsewhere", "vcenter.example");
        X509Certificate other = HttpsFolder.certificate(elsewhere);
        server.close();
        server = new HttpsFolder(elsewhere, file, QUERY, "backup@vsphere.local:" + Disks.PASSWORD, COOKIE);
        String message = failure(spec("127.0.0.1", Disks.PASSWORD, pin(other)), other);
        assertTrue(message.contains("does not carry the name"), message);
    }

    @Test
    void aWrongPasswordAndAMissingFileAreExplained() {
        String login = failure(spec("127.0.0.1", "wrong", pin(certificate)), certificate);
        assertTrue(login.contains("did not accept the user name"), login);
        VCenterSpec vc = spec("127.0.0.1", Disks.PASSWORD, pin(certificate));
        VmDisk moved = Disks.disk(SIZE_BYTES, "[ds 1] moved/web.vmdk", "FlatVer2", false);
        String missing = assertThrows(
                        VSphereException.DiskServerFailed.class,
                        () -> FolderSource.start(
                                vc,
                                moved,
                                "ha-datacenter",
                                Optional.empty(),
                                certificate,
                                spec(),
                                DiskServer.Listener.NONE))
                .getMessage();
        assertTrue(missing.contains("there is no such file"), missing);
    }

    @Test
    @DisplayName("rule 20 and section 6: what may not be read by HTTPS")
    void whatMayNotBeReadByHttpsIsRefusedWithTheReason() {
        VmDisk flat = Disks.disk(SIZE_BYTES);
        assertEquals(Optional.empty(), FolderSource.refusal(flat, QUIET));
        refused("not powered off", flat, new FolderSource.Facts(true, 0, false, "VMFS"));
        refused("has snapshots", flat, new FolderSource.Facts(false, 1, false, "VMFS"));
        refused("has snapshots", Disks.disk(SIZE_BYTES, "[ds1] a/a-000002.vmdk", "FlatVer2", false), QUIET);
        refused("raw device", flat, new FolderSource.Facts(false, 0, true, "VMFS"));
        refused("raw device", Disks.disk(SIZE_BYTES, "[ds1] a/a.vmdk", "RawDiskMappingVer1", false), QUIET);
        refused("encrypted", Disks.disk(SIZE_BYTES, "[ds1] a/a.vmdk", "FlatVer2", true), QUIET);
        refused("is a vsan", flat, new FolderSource.Facts(false, 0, false, "vsan"));
        refused("is a VVOL", flat, new FolderSource.Facts(false, 0, false, "VVOL"));
        refused("no flat one", Disks.disk(SIZE_BYTES, "[ds1] a/a.vmdk", "SparseVer2", false), QUIET);
    }

    private static void refused(String reason, VmDisk disk, FolderSource.Facts facts) {
        String said = FolderSource.refusal(disk, facts).orElseThrow();
        assertTrue(said.contains(reason), said);
    }

    private String failure(VCenterSpec vc, X509Certificate seen) {
        return assertThrows(
                        VSphereException.DiskServerFailed.class,
                        () -> FolderSource.start(
                                vc,
                                Disks.disk(SIZE_BYTES),
                                "ha-datacenter",
                                Optional.empty(),
                                seen,
                                spec(),
                                DiskServer.Listener.NONE))
                .getMessage();
    }

    private DiskServer start(VCenterSpec vc, Optional<Secret> cookie) {
        return FolderSource.start(
                vc, Disks.disk(SIZE_BYTES), "ha-datacenter", cookie, certificate, spec(), DiskServer.Listener.NONE);
    }

    private static DiskServerSpec spec() {
        return DiskServerSpec.DEFAULT.withLimits(Disks.QUICK);
    }

    private static Trust pin(X509Certificate certificate) {
        return new Trust.Pin(Thumbprint.sha256(certificate));
    }

    private VCenterSpec spec(String host, String password, Trust trust) {
        return new VCenterSpec(
                new Endpoint(host, server.port()),
                "backup@vsphere.local",
                new Secret(password.toCharArray()),
                trust,
                VCenterLimits.DEFAULT);
    }
}
