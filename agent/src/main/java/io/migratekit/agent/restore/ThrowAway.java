package io.migratekit.agent.restore;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import io.migratekit.nbd.server.Qcow2File;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How is a restore point used without being changed? Each disk is served from an overlay of its own, which goes with this object:
 * whatever a client writes is written there.
 */
public final class ThrowAway implements AutoCloseable {
    private static final String SUFFIX = ".overlay";

    private final Path folder;
    private final boolean isWritable;
    private final int clients;
    private final List<QemuNbd> servers = new ArrayList<>();
    private final List<Path> overlays = new ArrayList<>();

    /** On what an overlay stands, as qemu names it. */
    public record Backing(String name, String format) {}

    /** Where a disk is to listen. */
    public sealed interface Listen {
        /** A port of 127.0.0.1. */
        record Port(int port) implements Listen {
            @Override
            public String words() {
                return "127.0.0.1:" + port;
            }
        }

        /** A unix socket. */
        record Socket(Path path) implements Listen {
            @Override
            public String words() {
                return "unix:" + path;
            }
        }

        /** As a person writes it. */
        String words();
    }

    /**
     * Nothing is served yet.
     *
     * @param folder where overlays are put; they may grow as large as the disks
     */
    public ThrowAway(Path folder, boolean isWritable, int clients) {
        this.isWritable = isWritable;
        this.clients = clients;
        try {
            this.folder = TempFiles.folderIn(folder, "point");
        } catch (IOException e) {
            throw new RestoreException.NoFile("cannot make a folder in " + folder + ": " + SafeFiles.reason(e), e);
        }
    }

    /** Serves a disk; without a place, on a socket in a private folder. The URI. */
    public String serve(int key, Backing backing, Optional<Listen> listen) {
        Path overlay = folder.resolve("disk-" + key + SUFFIX);
        overlays.add(overlay);
        try {
            Qcow2File.createOver(overlay, backing.name(), backing.format());
        } catch (IOException e) {
            throw new RestoreException.NoFile("cannot make " + overlay + ": " + SafeFiles.reason(e), e);
        }
        QemuNbd.Builder builder = QemuNbd.of(overlay, QemuNbd.Format.QCOW2, clients)
                .exportName("disk-" + key)
                .cache(QemuNbd.Cache.WRITEBACK);
        builder = isWritable ? builder.discard(QemuNbd.Discard.UNMAP) : builder.readOnly();
        if (listen.isPresent()) {
            builder = switch (listen.get()) {
                case Listen.Port(int port) -> builder.loopbackPort(port);
                case Listen.Socket(Path path) -> builder.unixSocket(path);
            };
        }
        QemuNbd server = builder.start();
        servers.add(server);
        return server.uri();
    }

    /** Which disk's server has ended, if one has. */
    public Optional<String> lost() {
        return servers.stream()
                .filter(server -> !server.process().isAlive())
                .map(server -> server.uri() + " is not served any more: "
                        + server.process().lastWords())
                .findFirst();
    }

    /** Ends all servers; what was written is gone. */
    @Override
    public void close() {
        servers.forEach(QemuNbd::close);
        try {
            for (Path overlay : overlays) {
                Files.deleteIfExists(overlay);
            }
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new RestoreException.NoFile(folder + " is left over: " + SafeFiles.reason(e), e);
        }
    }
}
