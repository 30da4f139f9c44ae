package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.vmware.sim.SimulatedVCenter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is the password given to the server that we believe, and to nobody else? */
class TrustTest {
    private SimulatedVCenter sim;

    @BeforeEach
    void start(@TempDir Path folder) {
        sim = SimulatedVCenter.start(folder);
    }

    @AfterEach
    void stop() {
        sim.close();
    }

    private VCenterSpec spec(Trust trust) {
        VCenterSpec usual = sim.spec(VCenterLimits.DEFAULT);
        return new VCenterSpec(usual.endpoint(), usual.username(), usual.password(), trust, usual.limits());
    }

    private void login(Trust trust) {
        VCenter.login(spec(trust), VCenterListener.NOBODY).close();
    }

    private String refused(Trust trust) {
        int before = sim.log().all().size();
        String message = assertThrows(VSphereException.Untrusted.class, () -> login(trust))
                .getMessage();
        assertEquals(before, sim.log().all().size(), "nothing was asked of a server that is not believed");
        return message;
    }

    @Test
    void bothKindsOfPinAreEnough() {
        login(new Trust.Pin(sim.sha1()));
        login(new Trust.Pin(sim.sha256()));
        // The very certificate is known: neither its name nor its end matters.
        sim.changeCertificate("elsewhere.example", false, Instant.now().minus(Duration.ofDays(1)));
        login(new Trust.Pin(sim.sha256()));
    }

    @Test
    void aWrongPinShowsBothFingerprints() {
        Thumbprint wrong = Thumbprint.parse("AA".repeat(20));
        String message = refused(new Trust.Pin(wrong));
        assertTrue(message.contains(wrong.toString()), message);
        assertTrue(message.contains(sim.sha1().toString()), message);
        assertTrue(message.contains(sim.sha256().toString()), message);
    }

    @Test
    void anAuthorityIsEnoughUnderTheRightName() {
        login(new Trust.CaFile(sim.certificateFile()));
        sim.changeCertificate("elsewhere.example", false, Instant.now().plus(Duration.ofDays(1)));
        String name = refused(new Trust.CaFile(sim.certificateFile()));
        assertTrue(name.contains("for another name"), name);
        sim.changeCertificate("localhost", true, Instant.now().minus(Duration.ofDays(1)));
        String expired = refused(new Trust.CaFile(sim.certificateFile()));
        assertTrue(expired.contains("has expired"), expired);
        String unknown = refused(new Trust.SystemCa());
        assertTrue(unknown.contains("--vmware-ca-file") && unknown.contains("vmware thumbprint"), unknown);
        var missing = assertThrows(
                VSphereException.BadSpec.class, () -> login(new Trust.CaFile(Path.of("/no/such/file.pem"))));
        assertTrue(missing.getMessage().contains("/no/such/file.pem"), missing.getMessage());
    }

    @Test
    void anotherCertificateInTheMiddleOfASessionIsRefused() {
        try (VCenter vc = VCenter.login(spec(new Trust.Pin(sim.sha256())), VCenterListener.NOBODY)) {
            vc.keepAlive();
            sim.changeCertificate();
            sim.cutConnections();
            assertThrows(VSphereException.Untrusted.class, vc::keepAlive);
        }
    }

    /** Nothing is kept for the whole JVM: two pins at once, and the second does not profit from the first. */
    @Test
    void eachSessionHasATrustOfItsOwn() {
        try (VCenter vc = VCenter.login(spec(new Trust.Pin(sim.sha256())), VCenterListener.NOBODY)) {
            refused(new Trust.Pin(Thumbprint.parse("bb".repeat(32))));
            vc.keepAlive();
        }
    }

    @Test
    void theCertificateIsShownWithoutBelievingIt() throws Exception {
        ServerCertificate shown = ServerCertificate.of(sim.endpoint(), VCenterLimits.DEFAULT, VCenterListener.NOBODY);
        assertEquals(sim.sha1(), shown.sha1());
        assertEquals(sim.sha256(), shown.sha256());
        assertEquals(0, sim.log().all().size());
        try (var silent = new java.net.ServerSocket(0, 5, java.net.InetAddress.getLoopbackAddress())) {
            VCenterLimits usual = VCenterLimits.DEFAULT;
            VCenterLimits hasty = new VCenterLimits(
                    Duration.ofMillis(800),
                    usual.call(),
                    usual.task(),
                    usual.removal(),
                    usual.retryFor(),
                    usual.keepAlive());
            long begun = System.nanoTime();
            var e = assertThrows(
                    VSphereException.class,
                    () -> ServerCertificate.of(
                            new Endpoint("127.0.0.1", silent.getLocalPort()), hasty, VCenterListener.NOBODY));
            assertTrue(System.nanoTime() - begun < 10e9, e.getMessage());
        }
    }
}
