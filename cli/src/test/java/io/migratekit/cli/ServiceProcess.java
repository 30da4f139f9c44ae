package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.RuntimeDirectory;
import io.migratekit.tunnel.service.ServiceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real {@code tunnel run} of the name "hub" to an sshd, in a process of its own that can be killed and started again. */
final class ServiceProcess implements AutoCloseable {
    /** Lines of the configuration that make it notice soon. */
    static final String QUICK = "keepalive = \"300ms\"\ntimeout = \"2s\"\n";

    private static final Duration SOON = Duration.ofSeconds(20);

    private final Path folder;
    private final Path config;
    private final List<String> before;
    private final List<String> words;
    private Process process;

    private ServiceProcess(Path folder, Path config, List<String> before, String... words) throws IOException {
        this.before = before;
        this.words = List.of(words);
        this.folder = folder;
        this.config = config;
        this.process = launch();
    }

    /** Starts it; when this returns its tunnel is up. */
    static ServiceProcess start(Path folder, LoopbackSshd sshd) throws IOException {
        ServiceProcess service = launch(folder, sshd);
        service.awaitUp();
        return service;
    }

    /** The same with another key, which is encrypted. */
    static ServiceProcess start(Path folder, LoopbackSshd sshd, Path key, Path passphrase) throws IOException {
        ServiceProcess service = new ServiceProcess(
                folder,
                config(folder, "127.0.0.1", sshd, key, QUICK + "passphrase-file = \"" + passphrase + "\""),
                List.of(),
                "--debug");
        service.awaitUp();
        return service;
    }

    /** Starts it, and does not wait. */
    static ServiceProcess launch(Path folder, LoopbackSshd sshd) throws IOException {
        return new ServiceProcess(folder, config(folder, "127.0.0.1", sshd, sshd.userKey(), QUICK), List.of());
    }

    /** The same with words in front, which lead into another network, where the sshd's host has this name; its limits are what the lines say. */
    static ServiceProcess launchBehind(List<String> before, Path folder, String host, LoopbackSshd sshd, String lines)
            throws IOException {
        return new ServiceProcess(folder, config(folder, host, sshd, sshd.userKey(), lines), before);
    }

    private static Path config(Path folder, String host, LoopbackSshd sshd, Path key, String more) throws IOException {
        return Files.writeString(folder.resolve("migratekit.toml"), """
                [tunnel.hub]
                host = "%s"
                port = %d
                user = "%s"
                key = "%s"
                %s
                known-hosts = "%s"
                """.formatted(
                        host, sshd.port(), System.getProperty("user.name"), key, more, sshd.knownHosts()));
    }

    private Process launch() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(before));
        builder.command()
                .addAll(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.migratekit.cli.Main",
                        "tunnel",
                        "run",
                        "--config",
                        config.toString(),
                        "hub"));
        builder.command().addAll(words);
        builder.environment().put("MIGRATEKIT_RUNTIME_DIR", sockets().toString());
        Path log = folder.resolve("service.log");
        return builder.redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    Path sockets() {
        return folder.resolve("run");
    }

    /** With these words in front a program finds this service. */
    List<String> environment() {
        return List.of("env", "MIGRATEKIT_RUNTIME_DIR=" + sockets());
    }

    ControlClient client() {
        return new ControlClient(new RuntimeDirectory(sockets()), Duration.ofSeconds(5));
    }

    long pid() {
        return process.pid();
    }

    void awaitUp() {
        Waiting.until("the service's tunnel is up", SOON, () -> {
            try {
                return client().status("hub").get("state").getAsString().equals("up");
            } catch (ServiceException e) {
                return false;
            }
        });
    }

    /** Whether it is up, or can say why not. */
    boolean knows() {
        try {
            JsonObject status = client().status("hub");
            return status.get("state").getAsString().equals("up") || status.has("last-error");
        } catch (ServiceException e) {
            return false;
        }
    }

    /** SIGKILL, and at once another one: what systemd does after its pause. */
    void killAndStartAgain() throws IOException {
        kill();
        startAgain();
    }

    void startAgain() throws IOException {
        process = launch();
    }

    /** SIGKILL, and nobody starts it again. */
    void kill() {
        process.destroyForcibly();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                throw new AssertionError("the service " + process.pid() + " outlives SIGKILL");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** What it said, over all its runs. */
    String log() {
        try {
            return Files.readString(folder.resolve("service.log"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        kill();
    }
}
