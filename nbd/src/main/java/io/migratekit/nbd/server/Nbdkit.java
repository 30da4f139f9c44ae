package io.migratekit.nbd.server;

import io.migratekit.nbd.Deadline;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * How does something that is no local image become an NBD export? One nbdkit with one plugin (a
 * VMware disk, memory, a file, a pattern) and any number of filters (delay, error, log).
 *
 * <pre>{@code
 * try (Nbdkit server = Nbdkit.plugin("memory", "1G").filter("delay").parameter("rdelay=10ms").start()) {
 *     connect(server.uri());
 * }
 * }</pre>
 */
public final class Nbdkit implements AutoCloseable {
    private static final List<ServerCommand.Remedy> REMEDIES = List.of(
            new ServerCommand.Remedy(
                    "cannot open plugin",
                    "see in `nbdkit --dump-config` where plugins are looked for; the package nbdkit brings many,"
                            + " others have packages of their own (nbdkit-plugin-...)"),
            new ServerCommand.Remedy(
                    "cannot open filter", "see in `nbdkit --dump-config` where filters are looked for"),
            new ServerCommand.Remedy(
                    ListeningServer.PLACE_TAKEN,
                    "choose another port or remove the old socket, or let one be chosen (port 0)"));

    private final ListeningServer server;
    private final String uri;

    private Nbdkit(ListeningServer server, String uri) {
        this.server = server;
        this.uri = uri;
    }

    /**
     * Options for a server with this plugin; nothing is started yet.
     *
     * @param nameOrPath the plugin's short name or the path of its file
     * @param parameters the plugin's first parameters, each {@code key=value} or a lone value
     */
    public static Builder plugin(String nameOrPath, String... parameters) {
        return new Builder(nameOrPath, parameters);
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

    /** The same, but patient only until then. */
    public void stop(Deadline patience) {
        server.stop(patience);
    }

    /** What a plugin is served with. */
    public static final class Builder {
        private final String plugin;
        private final List<Function<Path, String>> parameters = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private final Map<String, String> environment = new TreeMap<>();
        private String program = "nbdkit";
        private String exportName = "";
        private boolean tls;
        private boolean bareEnvironment;
        private boolean killedWithUs;
        private Optional<ServerCommand.Secret> secret = Optional.empty();
        private Listening listening = new Listening.InPrivateDirectory();
        private ServerLimits limits = ServerLimits.DEFAULTS;

        private Builder(String plugin, String... parameters) {
            this.plugin = plugin;
            for (String parameter : parameters) {
                parameter(parameter);
            }
        }

        /** A parameter of the plugin or of a filter, {@code key=value}. Never a secret: use {@code password=+FILE}. */
        public Builder parameter(String parameter) {
            return parameter(_ -> parameter);
        }

        /**
         * A parameter that names something in the server's private directory; the function is given that directory
         * before the server starts and may put files into it, which go with it.
         */
        public Builder parameter(Function<Path, String> parameter) {
            parameters.add(parameter);
            return this;
        }

        /**
         * A secret, such as {@code password}: the server reads it from a pipe, so it stands neither among the arguments
         * nor in the environment nor in a file. A server has one at most.
         */
        public Builder secretParameter(String key, ServerCommand.Secret newSecret) {
            secret = Optional.of(newSecret);
            return parameter(key + "=-" + ServerCommand.Surroundings.SECRET_DESCRIPTOR);
        }

        /** Gives it a few harmless variables instead of our environment. */
        public Builder bareEnvironment() {
            bareEnvironment = true;
            return this;
        }

        /**
         * When this JVM is killed, it is not only asked to end, which it would do when its plugin lets it, but killed a
         * moment later. Only for servers that write nothing.
         */
        public Builder killedWithUs() {
            killedWithUs = true;
            return this;
        }

        /** Puts a filter between client and plugin; the first one is the nearest to the client. */
        public Builder filter(String name) {
            return with("--filter=" + name);
        }

        /** How many requests of one connection are worked on at the same time, if the plugin can. */
        public Builder threads(int count) {
            return with("--threads=" + count);
        }

        public Builder readOnly() {
            return with("--readonly");
        }

        /** The name in the URI; most plugins serve the same under any name. */
        public Builder exportName(String name) {
            exportName = name;
            return this;
        }

        /** Listens on this unix socket, which must not exist yet, instead of a private one. */
        public Builder unixSocket(Path socket) {
            listening = new Listening.AtPath(socket);
            return this;
        }

        /** Listens on this port of 127.0.0.1 instead of a unix socket; 0: any free one. */
        public Builder loopbackPort(int port) {
            listening = Listening.onLoopback(port);
            return this;
        }

        /** Demands TLS with the certificates in this directory (ca-cert.pem, server-cert.pem, server-key.pem). */
        public Builder tlsCertificates(Path directory, boolean clientNeedsCertificate) {
            tls = true;
            with("--tls=require").with("--tls-certificates=" + directory.toAbsolutePath());
            return clientNeedsCertificate ? with("--tls-verify-peer") : this;
        }

        /** Demands TLS with the pre-shared keys in this file ({@code user:hexkey} in each line). */
        public Builder tlsPsk(Path keysFile) {
            tls = true;
            return with("--tls=require").with("--tls-psk=" + keysFile.toAbsolutePath());
        }

        /** Any other option of nbdkit, such as {@code --verbose} or {@code --mask-handshake=0}. */
        public Builder option(String option) {
            return with(option);
        }

        /** Sets a variable of the server's environment, such as {@code LD_LIBRARY_PATH}. */
        public Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        public Builder limits(ServerLimits newLimits) {
            limits = newLimits;
            return this;
        }

        /** How long it may take until it is ready; a plugin that logs in somewhere first needs its time. */
        public Builder readyWithin(Duration limit) {
            return limits(limits.withReady(limit));
        }

        /** Another program than the nbdkit on the PATH. */
        public Builder program(String nameOrPath) {
            program = nameOrPath;
            return this;
        }

        /**
         * Starts it and waits until it serves.
         *
         * @throws ServerFailed if it is not installed, refuses, or is not ready in time
         */
        public Nbdkit start() {
            ListeningServer server = ListeningServer.start(listening, limits, this::command);
            return new Nbdkit(server, Listening.uri(server.place(), tls, exportName));
        }

        private ServerCommand command(Listening.Place place, Path pidFile) {
            List<String> words = new ArrayList<>();
            words.addAll(List.of("--foreground", "--exit-with-parent", "--pidfile=" + pidFile));
            words.addAll(
                    switch (place) {
                        case Listening.AtPath(Path socket) -> List.of("--unix=" + socket);
                        case Listening.OnPort(int port) -> List.of("--ipaddr=127.0.0.1", "--port=" + port);
                    });
            words.addAll(options);
            words.add(plugin);
            Path directory = Objects.requireNonNull(pidFile.getParent());
            parameters.forEach(parameter -> words.add(parameter.apply(directory)));
            ServerCommand.Surroundings surroundings =
                    new ServerCommand.Surroundings(bareEnvironment, killedWithUs, secret);
            return new ServerCommand(program, "nbdkit", words, environment, REMEDIES, surroundings);
        }

        private Builder with(String option) {
            options.add(option);
            return this;
        }
    }
}
