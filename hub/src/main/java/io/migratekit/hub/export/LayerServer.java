package io.migratekit.hub.export;

import static java.lang.System.Logger.Level.INFO;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.ServerFailed;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;

/** How is a layer served, and is it really ready for as many clients as were asked for? */
final class LayerServer {
    private static final System.Logger LOG = System.getLogger(LayerServer.class.getName());
    /** Fifty of them may start at once on two processors. */
    private static final Duration READY = Duration.ofSeconds(30);

    private LayerServer() {}

    /** Starts qemu-nbd and asks it, as a client would, whether several connections are served. */
    static QemuNbd start(Path layer, Place place, ExportKey key, int slots, Export.Access access) {
        QemuNbd server = served(layer, place, key, slots, access);
        try {
            if (place instanceof Place.Socket(Path socket)) {
                Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            }
            try (NbdConnection connection =
                    NbdConnection.open(NbdUri.parse(server.uri()), ConnectSpec.of("export-check"))) {
                boolean isReadOnly = access == Export.Access.READ;
                if (!connection.info().multiConn() || connection.info().readOnly() != isReadOnly) {
                    throw new ExportFailed("qemu-nbd serves " + layer + ", but not "
                            + (isReadOnly ? "read-only" : "writable") + " for several clients: "
                            + connection.info().flags());
                }
            }
            return server;
        } catch (IOException | NbdException e) {
            ExportFailed failed = new ExportFailed(
                    "qemu-nbd for " + layer + " does not answer: " + e.getMessage() + " "
                            + server.process().lastWords(),
                    e);
            server.close();
            throw failed;
        } catch (RuntimeException | Error e) {
            server.close();
            throw e;
        }
    }

    private static QemuNbd served(Path layer, Place place, ExportKey key, int slots, Export.Access access) {
        if (!takesDirect(layer)) {
            return builder(layer, place, key, slots, access)
                    .cache(QemuNbd.Cache.WRITEBACK)
                    .aio(QemuNbd.Aio.THREADS)
                    .start();
        }
        try {
            return builder(layer, place, key, slots, access)
                    .cache(QemuNbd.Cache.NONE)
                    .aio(QemuNbd.Aio.NATIVE)
                    .start();
        } catch (ServerFailed e) {
            if (!e.said().toLowerCase(Locale.ROOT).contains("aio")) {
                throw e;
            }
            // The kernel was built without it, or has none left: fs.aio-max-nr is for all of the host, and some hundred
            // exports use up what it is by default.
            LOG.log(
                    INFO,
                    () -> "export=" + key.word() + " aio=threads, because native is not to be had (fs.aio-max-nr?): "
                            + e.said());
            return builder(layer, place, key, slots, access)
                    .cache(QemuNbd.Cache.NONE)
                    .aio(QemuNbd.Aio.THREADS)
                    .start();
        }
    }

    /**
     * Measured (nbd-and-ssh.md, section 3): on a real file system cache=none with aio=native writes 1.5 times as fast as
     * writeback at a quarter of the CPU, with aio=threads 1.45 times, detect-zeroes=unmap on top 1.67 times. detect-zeroes=unmap needs discard=unmap.
     */
    private static QemuNbd.Builder builder(Path layer, Place place, ExportKey key, int slots, Export.Access access) {
        QemuNbd.Builder builder = QemuNbd.of(layer, QemuNbd.Format.QCOW2, slots)
                .exportName(key.word())
                .readyWithin(READY);
        builder = access == Export.Access.READ
                ? builder.readOnly()
                : builder.discard(QemuNbd.Discard.UNMAP).detectZeroes(QemuNbd.DetectZeroes.UNMAP);
        return switch (place) {
            case Place.Port(int port) -> builder.loopbackPort(port);
            case Place.Socket(Path socket) -> builder.unixSocket(socket);
        };
    }

    /** Not every file system lets its cache be passed by. */
    private static boolean takesDirect(Path layer) {
        try (FileChannel channel = FileChannel.open(layer, Set.of(StandardOpenOption.READ, direct()))) {
            return channel.isOpen();
        } catch (IOException | UnsupportedOperationException | ClassNotFoundException e) {
            return false;
        }
    }

    /** ExtendedOpenOption.DIRECT, by name: javac warns of that class, and such a warning cannot be switched off. */
    private static OpenOption direct() throws ClassNotFoundException {
        for (Object option :
                Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants()) {
            if (option instanceof OpenOption known && option.toString().equals("DIRECT")) {
                return known;
            }
        }
        throw new UnsupportedOperationException("this Java opens no file with O_DIRECT");
    }
}
