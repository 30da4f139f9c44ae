package io.migratekit.hub.export;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.ServerFailed;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Is this layer served, and what if its qemu-nbd dies? It is started again at the same place, but not for ever. Whoever
 * changes it holds its monitor; whoever only looks does not, so that a start that takes long delays no answer.
 */
final class Export {
    private static final System.Logger LOG = System.getLogger(Export.class.getName());
    private static final int MOST_RESTARTS = 5;

    private final ExportKey key;
    private final Path layer;
    private final int slots;
    private final Place place;
    private final Access access;
    private volatile @Nullable QemuNbd server;
    private volatile @Nullable String failure;
    private volatile boolean closed;
    private final AtomicBoolean inRepair = new AtomicBoolean();
    private int restarts;

    /** What clients may do there. */
    enum Access {
        WRITE,
        READ
    }

    Export(ExportKey key, Path layer, int slots, Place place, Access access) {
        this.access = access;
        this.key = key;
        this.layer = layer;
        this.slots = slots;
        this.place = place;
    }

    ExportKey key() {
        return key;
    }

    Path layer() {
        return layer;
    }

    Place place() {
        return place;
    }

    int slots() {
        return slots;
    }

    /** Why it is not served any more. */
    @Nullable
    String failure() {
        return failure;
    }

    @Nullable
    QemuNbd server() {
        return server;
    }

    /** Whether somebody has to do something about it. */
    boolean isDead() {
        QemuNbd now = server;
        return !closed && failure == null && now != null && !now.process().isAlive();
    }

    /** True for the first one who asks, until {@link #repaired}. */
    boolean takeRepair() {
        return inRepair.compareAndSet(false, true);
    }

    void repaired() {
        inRepair.set(false);
    }

    /** Serves, if it does not yet. One who asks anew gets all attempts anew. */
    synchronized void ensure() {
        if (closed) {
            throw new ExportFailed("the export of " + layer + " ends just now; ask again");
        }
        QemuNbd now = server;
        if (now != null && now.process().isAlive()) {
            return;
        }
        restarts = 0;
        failure = null;
        replace(now);
    }

    /** After it was found dead. */
    synchronized void restart() {
        QemuNbd dead = server;
        if (!isDead() || dead == null) {
            return;
        }
        String words = "qemu-nbd for " + layer + " ended with exit status "
                + dead.process().exitStatus().orElse(-1) + ": " + dead.process().lastWords();
        if (restarts == MOST_RESTARTS) {
            failure = words + " (it was started again " + restarts + " times)";
            LOG.log(WARNING, () -> "export=" + key.word() + " given up: " + failure);
            return;
        }
        restarts++;
        LOG.log(WARNING, () -> "export=" + key.word() + " restart=" + restarts + " because " + words);
        try {
            replace(dead);
        } catch (ExportFailed e) {
            failure = e.getMessage();
        }
    }

    private void replace(@Nullable QemuNbd old) {
        try {
            if (old != null) {
                old.close();
            }
            QemuNbd started = LayerServer.start(layer, place, key, slots, access);
            server = started;
            LOG.log(
                    INFO,
                    () -> "export=" + key.word() + " uri=" + started.uri() + " slots=" + slots + " pid="
                            + started.process().pid());
        } catch (ServerFailed e) {
            ExportFailed failed = new ExportFailed(String.valueOf(e.getMessage()), e);
            failure = failed.getMessage();
            throw failed;
        }
    }

    /** Ends it in good order: what was written is in the file then. A frozen one is killed when its time is over. */
    void close() {
        closed = true;
        synchronized (this) {
            QemuNbd now = server;
            if (now != null) {
                now.close();
                server = null;
                LOG.log(INFO, () -> "export=" + key.word() + " ended");
            }
        }
    }
}
