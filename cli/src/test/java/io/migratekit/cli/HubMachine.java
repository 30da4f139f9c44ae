package io.migratekit.cli;

import com.github.dockerjava.api.DockerClient;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/**
 * A hub as another machine: a container with sshd and the program as it was put together, that can stand still, be killed
 * and come back. Nothing of it can be reached but its sshd, on one port of ours that stays the same.
 */
final class HubMachine implements AutoCloseable {
    private static final Path LAYOUT = Path.of("target", "migratekit");
    private static final Duration SOON = Duration.ofSeconds(40);
    private static final String PROGRAM =
            "/opt/jdk/bin/java @/opt/migratekit/lib/jvm.args -jar /opt/migratekit/lib/migratekit.jar";
    private static final String RUN = """
            mkdir -p /run/sshd
            chmod 700 /lab && chmod 600 /lab/*
            /usr/sbin/sshd -e -f /lab/sshd_config
            exec %s hub serve --repository /srv/backups --listen 127.0.0.1:9080 --keep-at-least 0s --reserve 1M
            """.formatted(PROGRAM);
    private static final String SSHD = """
            Port 22
            HostKey /lab/host_key
            AuthorizedKeysFile /lab/authorized_keys
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            UsePAM no
            """;

    private final Path folder;
    private final int port;
    private final GenericContainer<?> container;
    private final DockerClient docker = DockerClientFactory.instance().client();
    private final String token;

    /** An answer of the API. */
    record Answer(int status, JsonObject body) {}

    private HubMachine(Path folder, int port, GenericContainer<?> container) throws IOException, InterruptedException {
        this.folder = folder;
        this.port = port;
        this.container = container;
        this.token = container
                .execInContainer("sh", "-c", PROGRAM + " hub token add --repository /srv/backups tester")
                .getStdout()
                .strip();
    }

    /** Starts one; when this returns it serves. */
    static HubMachine start(String image, Path folder) throws IOException, InterruptedException {
        for (String key : List.of("host_key", "user_key")) {
            Tool.run(
                    "ssh-keygen",
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-f",
                    folder.resolve(key).toString());
        }
        int port;
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            port = probe.getLocalPort();
        }
        Files.writeString(
                folder.resolve("known_hosts"),
                "[127.0.0.1]:" + port + " " + Files.readString(folder.resolve("host_key.pub")));
        GenericContainer<?> container = new GenericContainer<>(DockerImageName.parse(image))
                .withCopyFileToContainer(MountableFile.forHostPath(LAYOUT), "/opt/migratekit")
                .withCopyToContainer(Transferable.of(RUN), "/lab/run.sh")
                .withCopyToContainer(Transferable.of(SSHD), "/lab/sshd_config")
                .withCopyToContainer(Transferable.of(Files.readAllBytes(folder.resolve("host_key"))), "/lab/host_key")
                .withCopyToContainer(
                        Transferable.of(Files.readAllBytes(folder.resolve("user_key.pub"))), "/lab/authorized_keys")
                .withExposedPorts(22)
                .withCommand("sh", "/lab/run.sh")
                .waitingFor(Wait.forLogMessage(".*hub serves.*\\n", 1).withStartupTimeout(SOON));
        container.setPortBindings(List.of("127.0.0.1:" + port + ":22"));
        container.start();
        return new HubMachine(folder, port, container);
    }

    /** The words that lead a command to it. */
    List<String> road() {
        return List.of(
                "--ssh",
                "root@127.0.0.1:" + port,
                "--ssh-key",
                folder.resolve("user_key").toString(),
                "--ssh-known-hosts",
                folder.resolve("known_hosts").toString());
    }

    /** Asks the API, through a channel of OpenSSH's own client. */
    Answer ask(String method, String path, String content) {
        try {
            Path request = Files.createTempFile(folder, "request-", ".http");
            Files.writeString(
                    request,
                    method + " " + path + " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nAuthorization: Bearer "
                            + token + "\r\nContent-Length: " + content.getBytes(StandardCharsets.UTF_8).length
                            + "\r\n\r\n" + content);
            List<String> words = new ArrayList<>(List.of("ssh", "-F", "none", "-p", Integer.toString(port)));
            words.addAll(List.of("-i", folder.resolve("user_key").toString(), "-W", "127.0.0.1:9080"));
            for (String option : List.of(
                    "UserKnownHostsFile=" + folder.resolve("known_hosts"),
                    "BatchMode=yes",
                    "IdentitiesOnly=yes",
                    "ConnectTimeout=10")) {
                words.addAll(List.of("-o", option));
            }
            words.add("root@127.0.0.1");
            long begun = System.nanoTime();
            Run run = Run.finish(
                    new ProcessBuilder(words).redirectInput(request.toFile()).start(), begun);
            return answer(run);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Answer answer(Run run) {
        String text = run.out();
        while (text.startsWith("HTTP/1.1 1")) {
            text = text.substring(text.indexOf("\r\n\r\n") + 4);
        }
        if (!text.startsWith("HTTP/1.1 ")) {
            return new Answer(0, new JsonObject());
        }
        String body = text.substring(text.indexOf("\r\n\r\n") + 4);
        return new Answer(
                Integer.parseInt(text.substring(9, 12)),
                body.isEmpty() ? new JsonObject() : JsonParser.parseString(body).getAsJsonObject());
    }

    /** Every process of it stands still. */
    void pause() {
        docker.pauseContainerCmd(container.getContainerId()).exec();
    }

    void goOn() {
        docker.unpauseContainerCmd(container.getContainerId()).exec();
    }

    /** As a power cut is, but for the disk. */
    void kill() {
        docker.killContainerCmd(container.getContainerId()).exec();
    }

    /** After it was killed. */
    void bootAgain() {
        docker.startContainerCmd(container.getContainerId()).exec();
        Waiting.until(
                "the hub answers again", SOON, () -> ask("GET", "/health", "").status() == 200);
    }

    /** Down in good order, and up again. */
    void reboot() {
        docker.restartContainerCmd(container.getContainerId()).exec();
        Waiting.until(
                "the hub answers again", SOON, () -> ask("GET", "/health", "").status() == 200);
    }

    /** What it said. */
    String log() {
        return container.getLogs();
    }

    @Override
    public void close() {
        container.stop();
    }
}
