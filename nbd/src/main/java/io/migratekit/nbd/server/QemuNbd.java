package io.migratekit.nbd.server;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How does a disk image become an NBD export? One qemu-nbd that serves one image, with everything
 * stated that it would otherwise assume: the format, how many clients at once, where it listens.
 *
 * <pre>{@code
 * try (QemuNbd server = QemuNbd.of(file, Format.QCOW2, 4).exportName("disk").start()) {
 *     connect(server.uri());
 * }
 * }</pre>
 */
public final class QemuNbd implements AutoCloseable {
    private static final String PROGRAM = "qemu-nbd";
    private static final String PACKAGE = "qemu-utils";

    /** The image's format. It is never guessed: a guest can write a qcow2 header into a raw disk. */
    public enum Format {
        RAW,
        QCOW2
    }

    /** How the image file is cached on the host. */
    public enum Cache {
        NONE,
        WRITEBACK,
        WRITETHROUGH,
        DIRECTSYNC,
        UNSAFE
    }

    /** How the image file is read and written; {@code NATIVE} needs {@link Cache#NONE} or {@link Cache#DIRECTSYNC}. */
    public enum Aio {
        THREADS,
        NATIVE,
        IO_URING
    }

    /** What becomes of a client's trim. */
    public enum Discard {
        IGNORE,
        UNMAP
    }

    /** What becomes of written data that is all zeroes; {@code UNMAP} needs {@link Discard#UNMAP}. */
    public enum DetectZeroes {
        OFF,
        ON,
        UNMAP
    }

    private static final List<ServerCommand.Remedy> REMEDIES = List.of(
            new ServerCommand.Remedy(
                    "lock",
                    "another process has the image open: serve a file once and let many clients connect to that server"),
            new ServerCommand.Remedy(
                    ListeningServer.PLACE_TAKEN, "choose another port or socket, or let one be chosen (port 0)"),
            new ServerCommand.Remedy(
                    "Image is not in qcow2 format", "state the format that the file really has (qemu-img info FILE)"),
            new ServerCommand.Remedy(
                    "Permission denied", "let the user of this process read the file, and write it unless read-only"));

    private final ListeningServer server;
    private final String uri;

    private QemuNbd(ListeningServer server, String uri) {
        this.server = server;
        this.uri = uri;
    }

    /**
     * Options for serving one image; nothing is started yet.
     *
     * @param shared how many clients are served at the same time, 0 for any number. It has no default,
     *     because that of qemu-nbd is 1: the second client is connected and then never greeted. Count
     *     the workers and a spare one for whoever wants to look.
     */
    public static Builder of(Path image, Format format, int shared) {
        return new Builder(image, format, shared);
    }

    /** The export's URI. A client's own TLS parameters have to be added to it. */
    public String uri() {
        return uri;
    }

    /** The process itself: alive? its id, its output. */
    public ServerProcess process() {
        return server.process();
    }

    @Override
    public void close() {
        server.close();
    }

    /** What to do about a qemu-nbd that is not on this machine's PATH; nothing if it is. */
    public static Optional<String> missing() {
        return ProgramSearch.find(PROGRAM).isPresent()
                ? Optional.empty()
                : Optional.of(PROGRAM + " is not installed: install the package " + PACKAGE + " (apt-get install "
                        + PACKAGE + ")");
    }

    /** What an image is served with. What is not set is stated to qemu-nbd as well where its default matters. */
    public static final class Builder {
        private final Path image;
        private final Format format;
        private final int shared;
        private final List<String> options = new ArrayList<>();
        private String program = PROGRAM;
        private String exportName = "";
        private boolean persistent = true;
        private Listening listening = new Listening.InPrivateDirectory();
        private Optional<String> tlsObject = Optional.empty();
        private ServerLimits limits = ServerLimits.DEFAULTS;

        private Builder(Path image, Format format, int shared) {
            if (shared < 0) {
                throw new IllegalArgumentException("shared must be 0 (any number) or more: " + shared);
            }
            // Absolute, because qemu takes what stands before a colon in a relative name for a protocol.
            this.image = image.toAbsolutePath();
            this.format = format;
            this.shared = shared;
        }

        /** The export's name; without it, the default export (an empty name). */
        public Builder exportName(String name) {
            exportName = name;
            return this;
        }

        public Builder readOnly() {
            return with("--read-only");
        }

        /** Whether it lives on when the last client has left; it does unless this says otherwise. */
        public Builder persistent(boolean livesOn) {
            persistent = livesOn;
            return this;
        }

        /** Listens on this unix socket instead of a private one; an old socket of this name is replaced. */
        public Builder unixSocket(Path socket) {
            listening = new Listening.AtPath(socket);
            return this;
        }

        /** Listens on this port of 127.0.0.1 instead of a unix socket; 0: any free one. */
        public Builder loopbackPort(int port) {
            listening = Listening.onLoopback(port);
            return this;
        }

        public Builder cache(Cache cache) {
            return with("--cache=" + word(cache));
        }

        public Builder aio(Aio aio) {
            return with("--aio=" + word(aio));
        }

        public Builder discard(Discard discard) {
            return with("--discard=" + word(discard));
        }

        public Builder detectZeroes(DetectZeroes detectZeroes) {
            return with("--detect-zeroes=" + word(detectZeroes));
        }

        /** Offers the persistent dirty bitmap as context {@code qemu:dirty-bitmap:NAME}; may be called several times. */
        public Builder bitmap(String name) {
            return with("--bitmap=" + name);
        }

        /** Offers the context {@code qemu:allocation-depth}. */
        public Builder allocationDepth() {
            return with("--allocation-depth");
        }

        /**
         * Demands TLS with the certificates in this directory (ca-cert.pem, server-cert.pem, server-key.pem).
         *
         * <p>If dh-params.pem is missing there, older versions compute it at each start, which takes up to several
         * seconds. This is so with pre-shared keys as well.
         */
        public Builder tlsCertificates(Path directory, boolean clientNeedsCertificate) {
            tlsObject = Optional.of("tls-creds-x509,id=tls,endpoint=server,verify-peer="
                    + (clientNeedsCertificate ? "on" : "off") + ",dir=" + commasDoubled(directory));
            return this;
        }

        /** Demands TLS with the pre-shared keys in the file keys.psk of this directory. */
        public Builder tlsPsk(Path directory) {
            tlsObject = Optional.of("tls-creds-psk,id=tls,endpoint=server,dir=" + commasDoubled(directory));
            return this;
        }

        public Builder limits(ServerLimits newLimits) {
            limits = newLimits;
            return this;
        }

        /** How long it may take until it is ready. */
        public Builder readyWithin(Duration limit) {
            return limits(limits.withReady(limit));
        }

        /** Another program than the qemu-nbd on the PATH. */
        public Builder program(String nameOrPath) {
            program = nameOrPath;
            return this;
        }

        /**
         * Starts it and waits until it serves.
         *
         * @throws ServerFailed if it is not installed, refuses, or is not ready in time
         */
        public QemuNbd start() {
            ListeningServer server = ListeningServer.start(listening, limits, this::command);
            return new QemuNbd(server, Listening.uri(server.place(), tlsObject.isPresent(), exportName));
        }

        private ServerCommand command(Listening.Place place, Path pidFile) {
            List<String> words = new ArrayList<>();
            words.add("--shared=" + shared);
            words.add("--format=" + word(format));
            words.add("--export-name=" + exportName);
            words.add("--pid-file=" + pidFile);
            if (persistent) {
                words.add("--persistent");
            }
            words.addAll(options);
            tlsObject.ifPresent(object -> words.addAll(List.of("--object=" + object, "--tls-creds=tls")));
            words.addAll(
                    switch (place) {
                        case Listening.AtPath(Path socket) -> List.of("--socket=" + socket);
                        case Listening.OnPort(int port) -> List.of("--bind=127.0.0.1", "--port=" + port);
                    });
            words.add(image.toString());
            return new ServerCommand(program, PACKAGE, words, Map.of(), REMEDIES);
        }

        private Builder with(String option) {
            options.add(option);
            return this;
        }

        private static String word(Enum<?> value) {
            return value.name().toLowerCase(Locale.ROOT);
        }

        /** In the value of a qemu option a comma separates, and two of them stand for one. */
        private static String commasDoubled(Path path) {
            return path.toAbsolutePath().toString().replace(",", ",,");
        }
    }
}
