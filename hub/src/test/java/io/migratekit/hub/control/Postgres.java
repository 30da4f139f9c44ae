package io.migratekit.hub.control;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A real PostgreSQL of its own, on a port of loopback, as the distribution has it. It does not run as root. */
final class Postgres implements AutoCloseable {
    private static final String PASSWORD = "of-this-test-alone";

    private final Path folder;
    private final Path programs;
    private final int port;

    private Postgres(Path folder, Path programs, int port) {
        this.folder = folder;
        this.programs = programs;
        this.port = port;
    }

    static Postgres start() throws IOException {
        Path folder = Files.createTempDirectory(Path.of("/tmp"), "migratekit-postgres-");
        Path password = Files.writeString(folder.resolve("password"), PASSWORD + "\n");
        int port;
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            port = probe.getLocalPort();
        }
        Path programs;
        try (Stream<Path> versions = Files.list(Path.of("/usr/lib/postgresql"))) {
            programs = versions.sorted().reduce((_, last) -> last).orElseThrow().resolve("bin");
        }
        Postgres server = new Postgres(folder, programs, port);
        if (isRoot()) {
            Tool.run("chown", "-R", "postgres:", folder.toString());
        }
        server.run(
                "initdb",
                "-D",
                folder.resolve("data").toString(),
                "-A",
                "scram-sha-256",
                "-U",
                "hub",
                "--pwfile=" + password,
                "-N");
        server.begin();
        return server;
    }

    private static boolean isRoot() {
        return Tool.run("id", "-u").strip().equals("0");
    }

    private void run(String program, String... words) {
        List<String> line = new ArrayList<>();
        if (isRoot()) {
            line.addAll(List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--reset-env"));
        }
        line.add(programs.resolve(program).toString());
        line.addAll(List.of(words));
        Tool.run(line.toArray(String[]::new));
    }

    private void ctl(String... words) {
        List<String> line = new ArrayList<>(List.of("-D", folder.resolve("data").toString(), "-w", "-t", "30"));
        line.addAll(List.of(words));
        run("pg_ctl", line.toArray(String[]::new));
    }

    void begin() {
        String options =
                "-c listen_addresses=127.0.0.1 -c port=" + port + " -c fsync=off -c unix_socket_directories=" + folder;
        ctl("-l", folder.resolve("log").toString(), "-o", options, "start");
    }

    /** Ends it as a crash does: nobody is waited for. */
    void crash() {
        ctl("-m", "immediate", "stop");
    }

    /** A database of this name, which is made if it is not there. */
    Control database(String name) {
        try (var connection = java.sql.DriverManager.getConnection(url("postgres"), "hub", PASSWORD);
                var statement = connection.createStatement()) {
            if (!statement
                    .executeQuery("select 1 from pg_database where datname = '" + name + "'")
                    .next()) {
                statement.execute("create database " + name);
            }
        } catch (java.sql.SQLException e) {
            throw new AssertionError(e);
        }
        return new Control.Shared(url(name), Optional.of("hub"), new Secret(PASSWORD.toCharArray()));
    }

    private String url(String name) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + name;
    }

    @Override
    public void close() {
        crash();
        Tool.run("rm", "-rf", folder.toString());
    }
}
