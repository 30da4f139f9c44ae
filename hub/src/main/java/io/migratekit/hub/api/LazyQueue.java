package io.migratekit.hub.api;

import io.migratekit.hub.Hub;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.control.KeptVm;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.InventoryDisk;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** When does a hub have a queue? From the first time on that somebody wants it, so that one that needs none pays for none. */
final class LazyQueue implements Supplier<Queue>, AutoCloseable {
    private final HubSettings settings;
    private final Hub hub;
    private @Nullable Queue queue;
    private boolean isClosed;

    LazyQueue(HubSettings settings, Hub hub) {
        this.settings = settings;
        this.hub = hub;
    }

    /** One that was used before has schedules and jobs to look after. */
    void openIfUsed() {
        if (settings.control() instanceof Control.Shared || Control.isUsed(settings.repository())) {
            Queue _ = get();
        }
    }

    @Override
    public synchronized Queue get() {
        Queue open = queue;
        if (open == null) {
            if (isClosed) {
                throw new Problem(503, "busy", "the hub is going down");
            }
            open = settings.control()
                    .open(settings.repository(), hub.repository().id(), new OfHub(hub), settings.lostAfter());
            queue = open;
        }
        return open;
    }

    /** Whether nobody may write a backup of this id any more: its job was cancelled, or given to another agent under another id. */
    boolean isGivenUp(String id) {
        Queue open;
        synchronized (this) {
            open = queue;
        }
        return open != null && open.isGivenUp(id);
    }

    /** Who waits for something to do is answered now. */
    synchronized void goingDown() {
        isClosed = true;
        if (queue != null) {
            queue.goingDown();
        }
    }

    @Override
    public synchronized void close() {
        isClosed = true;
        if (queue != null) {
            queue.close();
        }
    }

    private record OfHub(Hub hub) implements Queue.Backups {
        @Override
        public boolean isSealed(String id) {
            return hub.find(id)
                    .filter(seen -> seen.backup().state() == Backup.State.SEALED)
                    .isPresent();
        }

        @Override
        public void abandon(String id) {
            if (hub.find(id)
                    .filter(seen -> seen.backup().state() == Backup.State.OPEN)
                    .isPresent()) {
                hub.abandon(id);
            }
        }

        @Override
        public void letGo(String id) {
            hub.letGo(id);
        }

        @Override
        public long freeBytes() {
            return hub.repository().freeBytes();
        }

        @Override
        public List<KeptVm> vms() {
            return hub.repository().vms().stream()
                    .map(vm -> new KeptVm(
                            vm.id(),
                            vm.disks().stream()
                                    .mapToLong(InventoryDisk::capacityBytes)
                                    .sum(),
                            vm.lastPoint() == null ? null : vm.lastPoint().takenAt(),
                            vm.lastPoint() == null ? null : vm.lastPoint().sealedAt()))
                    .toList();
        }
    }
}
