package io.migratekit.nbd;

import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which TLS servers are there to connect to, good ones and bad ones, and what does a client need for each? */
final class TlsServers {
    static final int DISK = 4 << 20;

    /** For a server that is called localhost and 127.0.0.1. */
    final Path server;
    /** For a server of another name. */
    final Path elsewhere;
    /** For a server that is called localhost, and has no number. */
    final Path onlyName;

    final Path expired;
    /** Like {@link #server}, by another authority. */
    final Path foreign;

    final Path client;
    /** For a client without a certificate of its own. */
    final Path anonymous;

    final Path keys;
    final Path otherKeys;
    private final Path keyFolder;
    private final Path image;

    TlsServers(Path folder) throws IOException {
        TlsFiles ours = TlsFiles.newAuthority(Files.createDirectory(folder.resolve("ours")));
        TlsFiles others = TlsFiles.newAuthority(Files.createDirectory(folder.resolve("foreign")));
        server = ours.server("server", "localhost", "127.0.0.1");
        elsewhere = ours.server("elsewhere", "hub.example", "192.0.2.1");
        onlyName = ours.server("only-name", "localhost");
        expired = ours.expiredServer("expired", "localhost", "127.0.0.1");
        foreign = others.server("server", "localhost", "127.0.0.1");
        client = ours.client("client");
        anonymous = ours.anonymousClient("anonymous");
        keyFolder = TlsFiles.psk(folder.resolve("keys"), "alice", 1);
        keys = keyFolder.resolve("keys.psk");
        otherKeys = TlsFiles.psk(folder.resolve("other-keys"), "alice", 2).resolve("keys.psk");
        image = new NbdImages(folder, 0).raw("disk.raw", DISK);
    }

    /** The two servers of the project; each has its own TLS code around the same library. */
    enum Program {
        QEMU_NBD,
        NBDKIT
    }

    /** A running server. */
    record Server(String uri, long pid, AutoCloseable process) implements AutoCloseable {
        /** Its address by this name of the host, with these parameters of a client. */
        String uri(String host, String parameters) {
            return uri.replace("127.0.0.1", host) + (uri.contains("?") ? "&" : "?") + parameters;
        }

        /** Its address for a client that has a key. */
        String uriWithKey(String user, Path file) {
            return uri("127.0.0.1", "tls-psk-file=" + file).replace("://", "://" + user + "@");
        }

        int port() {
            return ((NbdUri.Tcp) NbdUri.parse(uri).transport()).port();
        }

        @Override
        public void close() {
            try {
                process.close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }

    Server withCertificates(Program program, Path files, boolean clientNeedsOne) {
        return switch (program) {
            case QEMU_NBD -> of(qemu().loopbackPort(0).tlsCertificates(files, clientNeedsOne));
            case NBDKIT -> of(nbdkit().loopbackPort(0).tlsCertificates(files, clientNeedsOne));
        };
    }

    Server withCertificatesOnUnixSocket(Program program, Path files) {
        return switch (program) {
            case QEMU_NBD -> of(qemu().tlsCertificates(files, false));
            case NBDKIT -> of(nbdkit().tlsCertificates(files, false));
        };
    }

    Server withKeys(Program program) {
        return switch (program) {
            case QEMU_NBD -> of(qemu().loopbackPort(0).tlsPsk(keyFolder));
            case NBDKIT -> of(nbdkit().loopbackPort(0).tlsPsk(keys));
        };
    }

    Server withKeysOnUnixSocket(Program program) {
        return switch (program) {
            case QEMU_NBD -> of(qemu().tlsPsk(keyFolder));
            case NBDKIT -> of(nbdkit().tlsPsk(keys));
        };
    }

    Server plain(Program program) {
        return switch (program) {
            case QEMU_NBD -> of(qemu().loopbackPort(0));
            case NBDKIT -> of(nbdkit().loopbackPort(0));
        };
    }

    private QemuNbd.Builder qemu() {
        return QemuNbd.of(image, QemuNbd.Format.RAW, 4);
    }

    private static Nbdkit.Builder nbdkit() {
        return Nbdkit.plugin("memory", Integer.toString(DISK));
    }

    private static Server of(QemuNbd.Builder builder) {
        QemuNbd server = builder.start();
        return new Server(server.uri(), server.process().pid(), server);
    }

    private static Server of(Nbdkit.Builder builder) {
        Nbdkit server = builder.start();
        return new Server(server.uri(), server.process().pid(), server);
    }
}
