package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VmSnapshot;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do the commands about the source say what is so, with the right codes, and never the password? */
class VmwareCommandsTest {
    private SimulatedVCenter sim;
    private SimVm web;
    private Path passwordFile;
    private Path folder;

    @BeforeEach
    void start(@TempDir Path directory) throws IOException {
        folder = directory;
        sim = SimulatedVCenter.start(Files.createDirectory(directory.resolve("sim")));
        web = sim.addVm("web01");
        web.addDisk(1 << 20);
        passwordFile =
                Files.writeString(directory.resolve("password"), sim.settings().password() + "\nnot this\n");
    }

    @AfterEach
    void stop() {
        sim.close();
    }

    private Run vmware(String command, String... more) {
        List<String> words = new ArrayList<>(List.of("vmware", command));
        words.addAll(List.of(more));
        words.addAll(List.of(
                "--vmware-endpoint",
                sim.endpoint().toString(),
                "--vmware-username",
                sim.settings().username(),
                "--vmware-thumbprint",
                sim.sha1().toString(),
                "--vmware-password-file",
                passwordFile.toString()));
        Run run = Run.migratekit(words.toArray(String[]::new));
        assertFalse((run.out() + run.err()).contains(sim.settings().password()), "the password is shown");
        return run;
    }

    private static JsonObject json(Run run) {
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    @Test
    void theDisksOfAVmAreListedByTheKeysThatMigrateWants() {
        web.changeTracking(true);
        web.addDisk(3 << 20).linkedTo("[ds1] golden/golden.vmdk");
        web.poweredOff();
        Run text = vmware("list", "web01");
        assertEquals(0, text.code(), text.err());
        List<String> lines = text.out().lines().toList();
        assertEquals(3, lines.size(), text.out());
        assertTrue(lines.get(0).startsWith("DISK  LABEL"), text.out());
        assertTrue(
                lines.get(1).matches("2000  Hard disk 1  1 MiB +on +persistent +\\[ds1] web01/web01.vmdk"), text.out());
        assertTrue(lines.get(2).endsWith("[ds1] web01/web01_1.vmdk on [ds1] golden/golden.vmdk"), text.out());
        JsonObject second = json(vmware("list", "--json", "--vmware-path", "/DC0/vm/web01"))
                .getAsJsonArray("disks")
                .get(1)
                .getAsJsonObject();
        assertEquals(2001, second.get("disk").getAsInt());
        assertEquals(3 << 20, second.get("capacityBytes").getAsLong());
        assertEquals("[\"[ds1] golden/golden.vmdk\"]", second.get("parents").toString());
    }

    @Test
    void loginCheckSaysWhoIsThere() {
        Run run = vmware("login-check");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(sim.settings().instanceUuid()), run.out());
        assertEquals(
                sim.settings().instanceUuid(),
                json(vmware("login-check", "--json")).get("instanceUuid").getAsString());
        assertEquals(0, sim.openSessions(), "logged out again");
        Run detailed = vmware("login-check", "-v");
        assertTrue(
                detailed.err().contains("waiting up to 1 min for the answer of")
                        || detailed.err().contains("waiting up to 60 s for the answer of"),
                detailed.err());
    }

    @Test
    void whatGoesWrongHasItsCode() throws IOException {
        sim.faults().once("Login", Trouble.fault("InvalidLogin"));
        assertEquals(11, vmware("login-check").code());
        sim.changeCertificate();
        Run other = Run.migratekit(
                "vmware",
                "login-check",
                "--vmware-endpoint",
                sim.endpoint().toString(),
                "--vmware-username",
                "u",
                "--vmware-password-file",
                passwordFile.toString(),
                "--vmware-thumbprint",
                "ab".repeat(32));
        assertEquals(11, other.code(), other.err());
        assertTrue(other.err().contains(sim.sha256().toString()), other.err());
        assertEquals(12, vmware("enable-cbt", "nobody").code());
        sim.faults().always("RetrieveServiceContent", new Trouble.NoAnswer());
        Run silent = vmware("login-check", "--call-timeout", "1s");
        assertEquals(10, silent.code(), silent.err());
        assertTrue(silent.err().contains("did not answer RetrieveServiceContent within 1000 ms"), silent.err());
        sim.stop();
        assertEquals(10, vmware("login-check").code());
        Files.writeString(passwordFile, "a\u0007b\n");
        sim.startAgain();
        sim.faults().clear();
        Run bell = vmware("login-check");
        assertEquals(2, bell.code(), bell.err());
        assertTrue(bell.err().contains("control character"), bell.err());
        Files.delete(passwordFile);
        assertEquals(2, vmware("login-check").code());
        assertEquals(2, vmware("enable-cbt").code());
    }

    @Test
    void aPasswordOnTheCommandLineIsRefusedAndNotShown() {
        for (String[] form : new String[][] {{"--vmware-password", "Hunter2!"}, {"--vmware-password=Hunter2!"}}) {
            Run run = vmware("login-check", form);
            assertEquals(2, run.code());
            assertTrue(run.err().contains("--vmware-password-file"), run.err());
            assertTrue(run.err().contains("MIGRATEKIT_VMWARE_PASSWORD"), run.err());
            assertFalse(run.err().contains("Hunter2!"), run.err());
        }
        assertEquals(0, sim.log().all().size());
    }

    @Test
    void thumbprintShowsBoth() {
        Run run = Run.migratekit("vmware", "thumbprint", sim.endpoint().toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(
                run.out().contains(sim.sha1().toString())
                        && run.out().contains(sim.sha256().toString()),
                run.out());
        assertTrue(run.err().contains("--vmware-thumbprint"), run.err());
        assertEquals(10, Run.migratekit("vmware", "thumbprint", "127.0.0.1:1").code());
        assertEquals(2, Run.migratekit("vmware", "thumbprint", "http://x").code());
    }

    @Test
    void listAndEnableCbt() {
        Run list = vmware("list");
        assertEquals(0, list.code(), list.err());
        assertTrue(list.out().contains("/DC0/vm/web01"), list.out());
        JsonObject vm =
                json(vmware("list", "--json")).getAsJsonArray("vms").get(0).getAsJsonObject();
        assertEquals("/DC0/vm/web01", vm.get("path").getAsString());
        assertFalse(vm.get("changeTracking").getAsBoolean());
        web.addSnapshot("somebody's", "");
        Run refused = vmware("enable-cbt", "web01");
        assertEquals(12, refused.code());
        assertTrue(refused.err().contains("1 snapshot"), refused.err());
        SimVm other = sim.addVm("web02");
        other.addDisk(1 << 20);
        Run done = vmware("enable-cbt", "/DC0/vm/web02");
        assertEquals(0, done.code(), done.err());
        assertTrue(done.out().contains("is on now"), done.out());
        assertEquals(
                "was-on",
                json(vmware("enable-cbt", "--vmware-path", "/DC0/vm/web02", "--json"))
                        .get("result")
                        .getAsString());
    }

    @Test
    void expiredSnapshotsOfOursAreRemovedAndNoOthers() {
        web.addSnapshot("somebody's", "");
        try (VCenter vc = VCenter.login(sim.spec(VCenterLimits.DEFAULT), VCenterListener.NOBODY)) {
            for (long seconds : new long[] {-60, 3600}) {
                VmSnapshot.take(
                        vc,
                        vc.find("web01"),
                        new VmSnapshot.Label(
                                "job" + seconds, "here", Instant.now().plusSeconds(seconds)),
                        VmSnapshot.Quiesce.NO);
            }
        }
        Run all = vmware("snapshots");
        assertTrue(
                all.out().contains("not ours")
                        && all.out().contains("expired")
                        && all.out().contains("in use"),
                all.out());
        assertEquals(
                2,
                json(vmware("snapshots", "web01", "--ours", "--json"))
                        .getAsJsonArray("snapshots")
                        .size());
        assertEquals(3, web.snapshots().size());
        Run removed = vmware("snapshots", "--ours", "--remove-expired");
        assertEquals(0, removed.code(), removed.err());
        assertTrue(removed.out().contains("removed"), removed.out());
        assertEquals(2, web.snapshots().size());
    }

    @Test
    void theConfigurationSavesTyping() throws IOException {
        Path config = Files.writeString(folder.resolve("migratekit.toml"), """
                [vcenter.lab]
                endpoint = "%s"
                username = "%s"
                thumbprint = "%s"
                password-file = "password"
                api-version = "6.0"
                """.formatted(
                        sim.endpoint(), sim.settings().username(), sim.sha256()));
        Run run = Run.migratekit("vmware", "login-check", "--config", config.toString(), "--vcenter", "lab");
        assertEquals(0, run.code(), run.err());
        assertEquals("urn:vim25/6.0", sim.log().of("Login").getFirst().soapAction());
        Run unknown = Run.migratekit("vmware", "login-check", "--config", config.toString(), "--vcenter", "x");
        assertEquals(2, unknown.code());
        assertTrue(unknown.err().contains("there are lab"), unknown.err());
        Files.writeString(config, "[vcenter.lab]\npassword = \"geheim\"\n");
        Run secret = Run.migratekit("vmware", "login-check", "--config", config.toString(), "--vcenter", "lab");
        assertEquals(2, secret.code());
        assertTrue(secret.err().contains("password-file") && !secret.err().contains("geheim"), secret.err());
    }
}
