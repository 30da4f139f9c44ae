package io.migratekit.vmware;

import java.time.Duration;

/**
 * How long may the server of a disk take?
 *
 * @param ready from its start until it listens; VDDK loads itself in this time
 * @param greeting until it greets a client
 * @param open until the disk is open: a login at vCenter, then a connection to port 902 of the ESXi host
 * @param httpRequest for one answer to an HTTPS read of {@code /folder}
 * @param stop from the polite request to end until it is killed; VDDK takes leave of vCenter and host in this time
 * @param abandon the same for one that has not answered for as long as anybody waited: it takes leave of nobody
 * @param kill from the kill until we give up on it
 * @param keptOutputBytes the last bytes of its output, in which causes are looked for
 */
public record DiskServerLimits(
        Duration ready,
        Duration greeting,
        Duration open,
        Duration httpRequest,
        Duration stop,
        Duration abandon,
        Duration kill,
        int keptOutputBytes) {
    public static final DiskServerLimits DEFAULT = new DiskServerLimits(
            Duration.ofSeconds(30),
            Duration.ofSeconds(15),
            Duration.ofMinutes(2),
            Duration.ofSeconds(60),
            Duration.ofSeconds(20),
            Duration.ofSeconds(2),
            Duration.ofSeconds(5),
            64 * 1024);

    public DiskServerLimits withReady(Duration limit) {
        return new DiskServerLimits(limit, greeting, open, httpRequest, stop, abandon, kill, keptOutputBytes);
    }

    public DiskServerLimits withOpen(Duration limit) {
        return new DiskServerLimits(ready, greeting, limit, httpRequest, stop, abandon, kill, keptOutputBytes);
    }

    public DiskServerLimits withStop(Duration limit) {
        return new DiskServerLimits(ready, greeting, open, httpRequest, limit, abandon, kill, keptOutputBytes);
    }
}
