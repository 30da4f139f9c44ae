package io.migratekit.vmware;

import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** What do tests of disk servers talk about? One vCenter, one VM, one disk. */
final class Disks {
    static final String PASSWORD = "pä ss'wörd=-1";
    static final String SNAPSHOT = "snapshot-1001";
    static final String FILE = "[ds 1] web 01/web 01.vmdk";
    static final Thumbprint SEEN = Thumbprint.parse("00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33");
    static final VmRef VM = new VmRef("vm-57", "/DC/vm/web01");
    static final DiskServerLimits QUICK = DiskServerLimits.DEFAULT.withStop(Duration.ofSeconds(1));

    private Disks() {}

    static VCenterSpec vCenter(String password) {
        return new VCenterSpec(
                new Endpoint("vcenter.example", 443),
                "backup@vsphere.local",
                new Secret(password.toCharArray()),
                new Trust.Pin(SEEN),
                VCenterLimits.DEFAULT);
    }

    static VmDisk disk(long capacityBytes) {
        return disk(capacityBytes, FILE, "FlatVer2", false);
    }

    static VmDisk disk(long capacityBytes, String file, String backing, boolean encrypted) {
        return new VmDisk(
                2000,
                "Hard disk 1",
                1000,
                0,
                capacityBytes,
                file,
                backing,
                "6000C29f-0000",
                "persistent",
                "sharingNone",
                encrypted,
                List.of(),
                Optional.empty());
    }

    /** The private folder of a server. */
    static Path folder(DiskServer server) {
        String socket = ((NbdUri.Unix) server.uri().transport()).socketPath();
        return folderOf(Path.of(socket));
    }

    static Path folderOf(Path file) {
        return Objects.requireNonNull(file.getParent());
    }
}
