package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobStore;
import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import io.migratekit.vmware.sim.Vcsim;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Can a VM be backed up from a vCenter that others wrote? It has no VDDK and tracks no changes, but it has files. */
class AgainstVcsimTest {
    private static final DiskServerSpec FOLDER = DiskServerSpec.DEFAULT.withSource(DiskServerSpec.Source.FOLDER);

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());

    @TempDir
    private Path folder;

    @Test
    void aVmThatIsOffIsReadFromItsFolder() throws Exception {
        System.out.println("AgainstVcsimTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        try (Vcsim vcsim = Vcsim.start("-off");
                VCenter vc = VCenter.login(vcsim.spec(MigrationLab.VCENTER), VCenterListener.NOBODY)) {
            VmRef vm = vc.list().getFirst().vm();
            VmDisk disk = vc.configuration(vm).disks().getFirst();
            byte[] content = new byte[Math.toIntExact(disk.capacityBytes())];
            new Random(seed).nextBytes(content);
            Path truth = Files.write(folder.resolve("truth"), content);
            put(vcsim, vm, disk, truth);
            try (ChainTarget target = new ChainTarget(folder, "target", disk.capacityBytes())) {
                MigrationLab.Told told = new MigrationLab.Told();
                MigrationSpec spec = MigrationLab.spec(
                        "job",
                        new JobStore(folder.resolve("state")),
                        vcsim.spec(MigrationLab.VCENTER),
                        vm.path(),
                        Map.of(disk.key(), target.uri()),
                        FOLDER);
                var done = (Migration.Outcome.Done) new Migration(spec, List::of, told).run();
                target.assertHolds(truth);
                assertTrue(done.report().disks().getFirst().whole(), done.report()::json);
                assertEquals(List.of(), VmSnapshot.ours(vc, vm), told::all);
            }
        }
    }

    @Test
    void aVmThatRunsIsRefused() throws IOException {
        try (Vcsim vcsim = Vcsim.start();
                VCenter vc = VCenter.login(vcsim.spec(MigrationLab.VCENTER), VCenterListener.NOBODY)) {
            VmRef vm = vc.list().getFirst().vm();
            VmDisk disk = vc.configuration(vm).disks().getFirst();
            try (ChainTarget target = new ChainTarget(folder, "target", disk.capacityBytes())) {
                MigrationSpec spec = MigrationLab.spec(
                        "job",
                        new JobStore(folder.resolve("state")),
                        vcsim.spec(MigrationLab.VCENTER),
                        vm.path(),
                        Map.of(disk.key(), target.uri()),
                        FOLDER);
                Migration migration = new Migration(spec, List::of, new MigrationLab.Told());
                String said = assertThrows(MigrationException.DiskRefused.class, migration::run)
                        .getMessage();
                assertTrue(said.contains("the VM is not powered off"), said);
            }
        }
    }

    /** The flat file of a disk there is empty until somebody writes it. */
    private static void put(Vcsim vcsim, VmRef vm, VmDisk disk, Path content) throws Exception {
        String[] parts = disk.file().replace(".vmdk", "-flat.vmdk").split("[\\[\\]] ?", -1);
        String datacenter = vm.path().split("/", -1)[1];
        URI there = URI.create("https://" + vcsim.endpoint() + "/folder/" + parts[2] + "?dcPath=" + datacenter
                + "&dsName=" + parts[1]);
        SSLContext anybody = SSLContext.getInstance("TLS");
        anybody.init(null, new TrustManager[] {new BelievesAnybody()}, null);
        try (HttpClient client = HttpClient.newBuilder().sslContext(anybody).build()) {
            HttpRequest request = HttpRequest.newBuilder(there)
                    .timeout(Duration.ofSeconds(30))
                    .PUT(HttpRequest.BodyPublishers.ofFile(content))
                    .build();
            assertEquals(
                    200,
                    client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode());
        }
    }

    /** The file is ours, and so is the server. */
    private static final class BelievesAnybody extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
