package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Secret;
import io.migratekit.vmware.sim.Vcsim;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Do we understand a vCenter that others wrote, and an ESXi host alone? */
class AgainstVcsimTest {
    @Test
    void aVCenter() {
        try (Vcsim vcsim = Vcsim.start();
                VCenter vc = VCenter.login(vcsim.spec(VCenterLimits.DEFAULT), VCenterListener.NOBODY)) {
            assertFalse(vc.isHostAlone());
            story(vc);
        }
    }

    @Test
    void anEsxiHostAlone() {
        try (Vcsim vcsim = Vcsim.start("-esx");
                VCenter vc = VCenter.login(vcsim.spec(VCenterLimits.DEFAULT), VCenterListener.NOBODY)) {
            assertTrue(vc.isHostAlone());
            assertTrue(vc.instanceUuid().length() == 36, "the hardware's: " + vc.instanceUuid());
            story(vc);
        }
    }

    @Test
    void aWrongPassword() {
        try (Vcsim vcsim = Vcsim.start()) {
            VCenterSpec good = vcsim.spec(VCenterLimits.DEFAULT);
            VCenterSpec bad = new VCenterSpec(
                    good.endpoint(), good.username(), new Secret("wrong".toCharArray()), good.trust(), good.limits());
            assertThrows(VSphereException.LoginRefused.class, () -> VCenter.login(bad, VCenterListener.NOBODY));
        }
    }

    private static void story(VCenter vc) {
        List<VmSummary> all = vc.list();
        assertTrue(all.size() >= 2, all.toString());
        VmSummary first = all.getFirst();
        VmRef vm = vc.find(first.vm().path());
        assertEquals(first.vm(), vm);
        assertEquals(vm, vc.find(first.name()));
        assertEquals(vm, vc.find(first.instanceUuid()));
        assertEquals(vm, vc.find(vm.moref()));
        assertThrows(VSphereException.NotFound.class, () -> vc.find(vm.path() + "x"));
        VmConfiguration configuration = vc.configuration(vm);
        assertEquals(first.instanceUuid(), configuration.instanceUuid());
        assertEquals(1, configuration.disks().size());
        assertTrue(configuration.disks().getFirst().capacityBytes() > 0);
        assertTrue(
                Duration.between(vc.serverTime(), Instant.now()).abs().toSeconds() < 60, "its clock is this machine's");
        assertEquals(
                Optional.of(List.of()),
                vc.missingPrivileges(configuration, DiskServerSpec.Source.VDDK),
                "it can be asked, and allows all");
        assertInstanceOf(ChangeTracking.NowOn.class, vc.enableChangeTracking(vm));
        assertInstanceOf(ChangeTracking.WasOn.class, vc.enableChangeTracking(vm));
        VmSnapshot.Label label =
                new VmSnapshot.Label("job-1", "here", Instant.now().plusSeconds(600));
        VmSnapshot snapshot = VmSnapshot.take(vc, vm, label, VmSnapshot.Quiesce.NO);
        assertEquals(
                List.of(snapshot.moref()),
                VmSnapshot.ours(vc, vm).stream().map(VmSnapshot::moref).toList());
        assertEquals(label, VmSnapshot.ours(vc, vm).getFirst().label());
        assertEquals(1, snapshot.disks().size());
        // It knows nothing of changed areas, which is no error but a full copy.
        assertInstanceOf(
                ChangedAreas.Answer.Everything.class,
                ChangedAreas.since(vc, vm, snapshot, snapshot.disks().getFirst(), new ChangeId("a/1")));
        snapshot.remove();
        assertEquals(List.of(), VmSnapshot.ours(vc, vm));
        snapshot.remove();
    }
}
