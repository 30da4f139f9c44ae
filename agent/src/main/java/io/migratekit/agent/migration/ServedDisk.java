package io.migratekit.agent.migration;

import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.files.TempFiles;
import io.migratekit.vmware.DiskServer;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What if the server of a disk dies while it is read, or the disk is moved to another place? A new one is started, and
 * the way to it stays the same: a link in a folder of ours that leads to whichever server lives. How long that may go on
 * is the copier's business: it gives up when it has had no progress for its time.
 */
final class ServedDisk implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ServedDisk.class.getName());
    private static final Duration LOOK = Duration.ofMillis(250);
    private static final int LOOKS_FOR_THE_PLACE = 8;
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(20);
    private static final long END_MILLIS = 2000;
    private static final String LINK = "disk.sock";

    private final Function<VmDisk, DiskServer> starter;
    private final Supplier<VmDisk> place;
    private final Consumer<String> warned;
    private final Path folder;
    private final Thread keeper;
    private VmDisk disk;
    private volatile DiskServer server;
    private volatile @Nullable String lastTrouble;
    private volatile boolean closed;

    /**
     * Starts the first server; if it does not come to serve, nobody tries again.
     *
     * @param starter serves the disk from where it is
     * @param place where it is now, which others may change while it is read
     */
    ServedDisk(VmDisk disk, Function<VmDisk, DiskServer> starter, Supplier<VmDisk> place, Consumer<String> warned) {
        this.disk = disk;
        this.starter = starter;
        this.place = place;
        this.warned = warned;
        server = starter.apply(disk);
        try {
            folder = TempFiles.folder("disk");
            lead(server);
        } catch (IOException e) {
            server.close();
            throw VSphereException.diskServerFailed(
                    "no folder for the way to the disk's server can be made: " + e.getMessage());
        }
        keeper = new Thread(this::keep, "disk-keeper");
        keeper.setDaemon(true);
        keeper.start();
    }

    /** Where it is, whichever server serves it. */
    NbdUri uri() {
        return new NbdUri(
                server.uri().text(),
                new NbdUri.Unix(folder.resolve(LINK).toString()),
                server.uri().exportName(),
                Optional.empty(),
                Optional.empty());
    }

    /** What went wrong there, as cause and remedy; nothing if all seems well. */
    Optional<String> trouble() {
        Optional<String> now = server.trouble();
        return now.isPresent() ? now : Optional.ofNullable(lastTrouble);
    }

    private void lead(DiskServer to) throws IOException {
        if (!(to.uri().transport() instanceof NbdUri.Unix unix)) {
            throw new IOException("it listens at " + to.uri() + ", which is no unix socket");
        }
        Path next = folder.resolve("next");
        Files.deleteIfExists(next);
        Files.createSymbolicLink(next, Path.of(unix.socketPath()));
        Files.move(next, folder.resolve(LINK), StandardCopyOption.ATOMIC_MOVE);
    }

    private void keep() {
        Duration pause = LOOK;
        int looks = 0;
        try {
            while (true) {
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
                Optional<String> reason = whyAnother(++looks % LOOKS_FOR_THE_PLACE == 0);
                if (reason.isEmpty()) {
                    pause = LOOK;
                    continue;
                }
                boolean first = pause.equals(LOOK);
                pause = first ? Duration.ofSeconds(1) : pause.multipliedBy(2);
                pause = pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
                replace(reason.get(), first);
            }
        } catch (InterruptedException e) {
            // The end: close() has asked for it.
            Thread.currentThread().interrupt();
        }
    }

    /** Why the server has to be replaced; nothing while it is as it should be. */
    private Optional<String> whyAnother(boolean atLeisure) {
        if (!server.isAlive()) {
            return Optional.of(server.trouble().orElse("the disk's server ended"));
        }
        if (server.isOutdated()) {
            return Optional.of("the session at vCenter with which the disk is read is over.");
        }
        // One that has not complained is not asked about: it has its files open, wherever they are.
        if (atLeisure && server.trouble().isPresent()) {
            VmDisk now = here();
            if (!now.file().equals(disk.file())) {
                return Optional.of(disk + " was moved while it was read, to " + now.file() + ".");
            }
        }
        return Optional.empty();
    }

    /** Where the disk is, as far as vCenter tells. */
    private VmDisk here() {
        try {
            return place.get();
        } catch (VSphereException e) {
            LOG.log(System.Logger.Level.DEBUG, "where the disk is now could not be asked: " + e.getMessage());
            return disk;
        }
    }

    private void replace(String trouble, boolean first) {
        lastTrouble = trouble;
        if (first) {
            warned.accept(trouble + " It is started again.");
        }
        try {
            server.close();
            disk = here();
            DiskServer next = starter.apply(disk);
            synchronized (this) {
                if (closed) {
                    next.close();
                    return;
                }
                server = next;
                lead(next);
            }
        } catch (VSphereException | IOException e) {
            lastTrouble = e.getMessage();
            LOG.log(System.Logger.Level.WARNING, "the disk's server does not start again yet: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        end(DiskServer::close);
    }

    /** The same when it has not answered for as long as anybody waited. */
    void abandon() {
        end(DiskServer::abandon);
    }

    private void end(Consumer<DiskServer> how) {
        synchronized (this) {
            closed = true;
        }
        keeper.interrupt();
        boolean interrupted = Thread.interrupted();
        try {
            if (!keeper.join(Duration.ofMillis(END_MILLIS))) {
                LOG.log(System.Logger.Level.DEBUG, "a server that was being started ends as soon as it has");
            }
        } catch (InterruptedException e) {
            interrupted = true;
        }
        try {
            how.accept(server);
        } finally {
            removeFolder();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void removeFolder() {
        try {
            Files.deleteIfExists(folder.resolve(LINK));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "a folder stays: " + folder, e);
        }
    }
}
