package io.migratekit.agent.migration;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.plan.WorkList;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Secret;
import io.migratekit.vmware.Baseline;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmSnapshot;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/** Plans the incremental backup of a VM's only disk in a JVM of its own, and says what came of it. */
final class ManyExtents {
    private ManyExtents() {}

    /** Word: a folder with a file {@code login}. */
    public static void main(String[] words) throws IOException {
        Path folder = Path.of(words[0]);
        Properties login = new Properties();
        try (Reader in = Files.newBufferedReader(folder.resolve("login"))) {
            login.load(in);
        }
        VCenterSpec vcenter = new VCenterSpec(
                new Endpoint("127.0.0.1", Integer.parseInt(login.getProperty("port"))),
                login.getProperty("user"),
                new Secret(login.getProperty("password").toCharArray()),
                new Trust.Pin(Thumbprint.parse(login.getProperty("pin"))),
                VCenterLimits.DEFAULT);
        try (VCenter vc = VCenter.login(vcenter, new Silent())) {
            plan(vc, spec(folder, vcenter));
        }
    }

    private static final class Silent implements VCenterListener {
        @Override
        public void waiting(String what, Duration atMost) {}
    }

    private static MigrationSpec spec(Path folder, VCenterSpec vcenter) {
        return new MigrationSpec(
                new JobId("many"),
                new JobStore(folder.resolve("state")),
                vcenter,
                "web01",
                new Targets(Map.of(), "nbd://127.0.0.1/nowhere", uri -> uri),
                Set.of(),
                DiskServerSpec.DEFAULT,
                ConnectSpec.of("many"),
                CopyLimits.DEFAULT,
                WatchLimits.DEFAULT,
                new RateLimit(0),
                VmSnapshot.Quiesce.NO,
                false,
                true,
                false,
                1,
                AuditLimits.DEFAULT,
                Duration.ofHours(1));
    }

    private static VmSnapshot freeze(VCenter vc) {
        VmSnapshot.Label label =
                new VmSnapshot.Label("many", "here", Instant.now().plusSeconds(3600));
        return VmSnapshot.take(vc, vc.find("web01"), label, VmSnapshot.Quiesce.NO);
    }

    private static void plan(VCenter vc, MigrationSpec spec) {
        VmConfiguration vm = vc.configuration(vc.find("web01"));
        VmSnapshot first = freeze(vc);
        VmDisk then = first.disks().getFirst();
        first.remove();
        VmSnapshot snapshot = freeze(vc);
        VmDisk disk = snapshot.disks().getFirst();
        NbdUri target = NbdUri.parse("nbd://127.0.0.1/nowhere");
        Milestones milestones = new Milestones(spec.store().folderOfVm(vm.instanceUuid()));
        Baseline moment = new Baseline(
                vc.instanceUuid(),
                vm.instanceUuid(),
                disk.key(),
                disk.backingUuid(),
                disk.capacityBytes(),
                disk.parents(),
                then.changeId().orElseThrow());
        milestones.reached(target, new Milestone(moment, "before", Instant.now(), List.of(), 0));
        Generation next = new Generation(
                1,
                vc.instanceUuid(),
                vm.instanceUuid(),
                snapshot.moref(),
                snapshot.created(),
                snapshot.quiesced(),
                List.of());
        DiskPlanner planner = new DiskPlanner(
                spec,
                vc,
                vm,
                snapshot,
                new ExportLanding(Map.of(disk.key(), target), milestones, spec.id()),
                spec.store().folderOf(spec.id()),
                spec.store().within(spec.id()),
                _ -> {
                    throw new IllegalStateException("nothing is to be read");
                },
                new MigrationLab.Told());
        long begun = System.nanoTime();
        Generation.Part part = planner.plan(next, disk, target, Optional.empty());
        System.out.println("whole " + part.whole() + " " + part.reason());
        System.out.println("planned " + part.plannedBytes());
        System.out.println("queried in ms " + (System.nanoTime() - begun) / 1_000_000);
        begun = System.nanoTime();
        Ranges ranges = DiskPlanner.readRanges(spec.store().folderOf(spec.id()), next, disk.key());
        WorkList work = new WorkList(ranges, spec.limits().unitBytes(), _ -> false);
        long units = 0;
        while (work.next() != null) {
            units++;
        }
        System.out.println("ranges " + ranges.count());
        System.out.println("units " + units);
        System.out.println("read back and cut into units in ms " + (System.nanoTime() - begun) / 1_000_000);
        snapshot.remove();
        System.out.println("done");
    }
}
