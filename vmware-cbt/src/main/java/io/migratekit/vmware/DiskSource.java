package io.migratekit.vmware;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.server.NbdkitPrograms;
import io.migratekit.nbd.server.ServerFailed;
import java.util.List;
import java.util.Optional;

/**
 * Which road to a disk was chosen, and is it open? A disk that cannot be read that way is refused before the VM is
 * frozen in vain.
 */
public final class DiskSource {
    private DiskSource() {}

    /** What this machine lacks for reading disks as it was asked for, with the remedy; nothing if all is there. */
    public static Optional<String> missing(DiskServerSpec spec) {
        boolean vddk = spec.source() == DiskServerSpec.Source.VDDK;
        String plugin = vddk ? spec.plugin().getFirst() : "curl";
        try {
            NbdkitPrograms nbdkit = NbdkitPrograms.of(spec.nbdkit());
            if (!nbdkit.hasPlugin(plugin)) {
                return Optional.of(vddk ? VddkTrouble.NO_PLUGIN : FolderSource.NO_PLUGIN);
            }
            return nbdkit.refusalOf(plugin)
                    .map(said -> "nbdkit cannot load its plugin " + plugin + ": " + ServerFailed.inOneLine(said));
        } catch (ServerFailed e) {
            return Optional.of(ServerFailed.inOneLine(e.getMessage()));
        }
    }

    /**
     * Why this disk cannot be read as it was asked for, in one sentence; nothing if it can.
     *
     * @param vm the VM as it is now; a snapshot of ours that a run before has left is no hindrance
     * @param disk one of its disks
     */
    public static Optional<String> refusal(VCenter vc, VmConfiguration vm, VmDisk disk, DiskServerSpec spec) {
        if (spec.source() == DiskServerSpec.Source.VDDK) {
            return Optional.empty();
        }
        List<VmSnapshot> ours = VmSnapshot.ours(vc, vm.vm());
        VmDisk seen = beforeOurs(ours, disk);
        return FolderSource.refusal(
                seen,
                new FolderSource.Facts(
                        !vm.powerState().equals("poweredOff"),
                        vm.snapshotCount() - ours.size(),
                        seen.backing().startsWith("RawDisk"),
                        vm.datastoreType(FolderSource.datastore(seen))));
    }

    private static VmDisk beforeOurs(List<VmSnapshot> ours, VmDisk disk) {
        return ours.stream()
                .flatMap(snapshot -> snapshot.disks().stream())
                .filter(frozen -> frozen.key() == disk.key())
                .findFirst()
                .orElse(disk);
    }

    /**
     * Opens the file of a disk by HTTPS and closes it again; no snapshot is needed for that. It is the only way to find out that curl
     * believes the server's certificate, and that the datastore gives the file.
     *
     * @throws VSphereException.DiskServerFailed with cause and remedy, if it cannot be read
     */
    public static void openByHttps(VCenter vc, VmRef vm, VmDisk disk, DiskServerSpec spec) {
        VmDisk seen = beforeOurs(VmSnapshot.ours(vc, vm), disk);
        folder(vc, vm, seen, spec, DiskServer.Listener.NONE).close();
    }

    /**
     * Serves a disk as a snapshot of ours has frozen it.
     *
     * @throws VSphereException.Unsupported if it cannot be read by this road, as is only seen now
     * @throws VSphereException.DiskServerFailed with cause and remedy, if it does not come to serve
     */
    public static DiskServer start(
            VCenter vc,
            VmRef vm,
            String snapshotMoref,
            VmDisk frozen,
            DiskServerSpec spec,
            DiskServer.Listener listener) {
        return switch (spec.source()) {
            case VDDK ->
                DiskServer.start(vc.spec(), vm, snapshotMoref, frozen, spec, vc.thumbprint(), vc.host(vm), listener);
            case FOLDER -> folder(vc, vm, frozen, spec, listener);
        };
    }

    private static DiskServer folder(
            VCenter vc, VmRef vm, VmDisk frozen, DiskServerSpec spec, DiskServer.Listener listener) {
        // Somebody may have taken a snapshot between our look at the VM and ours.
        FolderSource.refusal(frozen, new FolderSource.Facts(false, 0, false, ""))
                .ifPresent(why -> {
                    throw new VSphereException.Unsupported(why);
                });
        Optional<String> cookie = vc.cookie();
        return FolderSource.start(
                        vc.spec(),
                        frozen,
                        vc.datacenter(vm),
                        cookie.map(text -> new Secret(text.toCharArray())),
                        vc.certificate(),
                        spec,
                        listener)
                .outdatedWhen(() -> !vc.cookie().equals(cookie));
    }
}
