package io.migratekit.hub.export;

import static java.lang.System.Logger.Level.WARNING;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.ServerFailed;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Which open layers are served, and where? One qemu-nbd for each, watched, and ended with its backup. This class waits
 * for a process only in the thread of who asked, so that one that is frozen delays nobody else.
 */
public final class Exports implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Exports.class.getName());
    private static final Duration WATCH_EVERY = Duration.ofMillis(200);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(20);
    /** Measured with fifty on two processors: 3 s, with 24 at once 4 s. More only take the processors from each other. */
    private static final int STARTS_AT_ONCE = 6;

    private static final Duration START_TURN = Duration.ofMinutes(2);

    private final Places places;
    private final Places.Free free;
    private final ExportRecord record;
    private final Map<ExportKey, Integer> portsBefore = new HashMap<>();
    private final Map<ExportKey, Export> exports = new ConcurrentHashMap<>();
    private final Semaphore startTurns = new Semaphore(STARTS_AT_ONCE, true);
    private final CountDownLatch end = new CountDownLatch(1);

    /** What is told of an export. */
    public record Served(String uri, int slots, int clients) {}

    private Exports(Places places, ExportRecord record) {
        this.places = places;
        this.free = new Places.Free(places);
        this.record = record;
    }

    /**
     * Ends what a killed hub has left over, and is then ready to serve.
     *
     * @param recordFile where the exports are noted for a hub that comes after this one
     */
    public static Exports start(Places places, Path recordFile) throws IOException {
        if (places instanceof Places.Sockets(Path folder)) {
            SafeFiles.makeFolder(folder);
        }
        ExportRecord record = new ExportRecord(recordFile);
        List<ExportRecord.Entry> before = record.read();
        record.endLeftOvers(before);
        if (places instanceof Places.Sockets sockets) {
            sockets.removeDeserted();
        }
        Exports exports = new Exports(places, record);
        before.forEach(entry -> exports.portsBefore.put(entry.key(), entry.port()));
        Thread.ofPlatform().daemon().name("export-watch").start(exports::watch);
        return exports;
    }

    /**
     * Serves a layer from now on. If it is served already with as many slots, this does nothing; a layer that was
     * replaced, or one that needs more slots, is served anew at the same place.
     *
     * @param workers connections that the agent wants; one more is for who wants to look
     */
    public Served open(ExportKey key, Path layer, int workers) {
        return open(key, layer, workers, Export.Access.WRITE);
    }

    /** The same for a sealed layer, which can only be read there. */
    public Served openToRead(ExportKey key, Path layer, int workers) {
        return open(key, layer, workers, Export.Access.READ);
    }

    private Served open(ExportKey key, Path layer, int workers, Export.Access access) {
        int slots = workers + 1;
        Export export = exports.get(key);
        if (export != null && (!export.layer().equals(layer) || export.slots() < slots)) {
            close(key);
            export = null;
        }
        if (export == null) {
            export = added(key, layer, slots, access);
        }
        boolean turn = false;
        try {
            turn = startTurns.tryAcquire(START_TURN.toMillis(), TimeUnit.MILLISECONDS);
            if (!turn) {
                throw new ExportFailed(
                        "no turn within " + START_TURN.toSeconds() + " s to start an export of " + layer);
            }
            export.ensure();
            note();
            return served(export);
        } catch (ExportFailed e) {
            if (export.server() == null) {
                forget(export, e);
                if (isTaken(e) && export.place() instanceof Place.Port) {
                    return open(
                            key, layer, workers,
                            access); // Bounded, because the port that somebody else has is not given back.
                }
            }
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ExportFailed("interrupted before the export of " + layer + " was started", e);
        } finally {
            if (turn) {
                startTurns.release();
            }
        }
    }

    private static boolean isTaken(ExportFailed e) {
        return e.getCause() instanceof ServerFailed failed && failed.said().contains("Address already in use");
    }

    private synchronized void forget(Export export, ExportFailed why) {
        if (exports.remove(export.key(), export) && !isTaken(why)) {
            free.giveBack(export.place());
        }
    }

    private synchronized Export added(ExportKey key, Path layer, int slots, Export.Access access) {
        Export there = exports.get(key);
        if (there != null) {
            return there;
        }
        if (end.getCount() == 0) {
            throw new ExportFailed("the hub is stopping");
        }
        Integer before = portsBefore.get(key);
        Export export = new Export(key, layer, slots, free.take(key, before == null ? 0 : before), access);
        exports.put(key, export);
        return export;
    }

    /** What is served for a layer right now; empty if nothing is. */
    public Optional<Served> find(ExportKey key) {
        Export export = exports.get(key);
        return export == null || export.server() == null || export.failure() != null
                ? Optional.empty()
                : Optional.of(served(export));
    }

    /** Why a layer that should be served is not. */
    public Optional<String> failure(ExportKey key) {
        Export export = exports.get(key);
        return export == null ? Optional.empty() : Optional.ofNullable(export.failure());
    }

    /** The ports on which layers are served, if they are; both ends included. */
    public Optional<Places.Ports> ports() {
        return places instanceof Places.Ports ports ? Optional.of(ports) : Optional.empty();
    }

    /** Why no layer at all can be served; nothing if it is not known. */
    public Optional<String> hindrance() {
        return QemuNbd.missing();
    }

    /** How many layers are served. */
    public int count() {
        return exports.size();
    }

    /** Ends the export; all that was acknowledged and flushed is in the layer when this returns. */
    public void close(ExportKey key) {
        Export export = exports.get(key);
        if (export == null) {
            return;
        }
        export.close();
        synchronized (this) {
            if (exports.remove(key, export)) {
                free.giveBack(export.place());
                portsBefore.put(key, port(export.place()));
            }
        }
        note();
    }

    private static Served served(Export export) {
        QemuNbd server = export.server();
        if (server == null) {
            throw new ExportFailed("the export of " + export.layer() + " ended meanwhile");
        }
        return new Served(server.uri(), export.slots(), export.place().connections());
    }

    private void watch() {
        while (true) {
            try {
                if (end.await(WATCH_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
                    return;
                }
            } catch (InterruptedException e) {
                return;
            }
            for (Export export : exports.values()) {
                if (export.isDead() && export.takeRepair()) {
                    Thread.ofPlatform().daemon().name("export-restart").start(() -> restart(export));
                }
            }
        }
    }

    private void restart(Export export) {
        try {
            export.restart();
            note();
        } finally {
            export.repaired();
        }
    }

    /** A hub that is killed now shall find its processes again. */
    private synchronized void note() {
        List<ExportRecord.Entry> entries = new ArrayList<>();
        for (Export export : exports.values()) {
            QemuNbd server = export.server();
            if (server != null) {
                long pid = server.process().pid();
                entries.add(
                        new ExportRecord.Entry(export.key(), port(export.place()), pid, ExportRecord.startTime(pid)));
            }
        }
        try {
            record.write(entries);
        } catch (IOException e) {
            LOG.log(WARNING, () -> "the exports could not be noted: " + e.getMessage());
        }
    }

    private static int port(Place place) {
        return place instanceof Place.Port(int port) ? port : 0;
    }

    /** Ends all exports, beside each other. Their layers stay, and so does the record of where they listened. */
    @Override
    public void close() {
        synchronized (this) {
            end.countDown();
        }
        ExecutorService closers = Executors.newThreadPerTaskExecutor(
                Thread.ofPlatform().daemon().name("export-end").factory());
        exports.values().forEach(export -> closers.execute(export::close));
        closers.shutdown();
        try {
            if (!closers.awaitTermination(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.log(WARNING, "exports are still there after " + CLOSE_LIMIT.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            closers.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }

    /** The process that serves a layer, for tests that do it harm. */
    @Nullable
    Long pidOf(ExportKey key) {
        Export export = exports.get(key);
        QemuNbd server = export == null ? null : export.server();
        return server == null ? null : server.process().pid();
    }
}
