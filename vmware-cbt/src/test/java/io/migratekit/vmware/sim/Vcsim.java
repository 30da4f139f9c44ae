package io.migratekit.vmware.sim;

import io.migratekit.nbd.Secret;
import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A running vcsim, govmomi's simulated vCenter, which others wrote: no change tracking, but an inventory, tasks and
 * snapshots as somebody else understood them. It ends with this JVM, because then its input ends.
 */
public final class Vcsim implements AutoCloseable {
    /** Generous: the first one of a machine may have to be built. */
    private static final Duration BUILD_LIMIT = Duration.ofMinutes(5);

    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);
    private static final Path BUILD = Path.of("vmware-cbt/src/test/vcsim/build.sh");
    private static final String USER = "vcsim-user";
    private static final String PASSWORD = "vcsim & <pass>";

    private final Process process;
    private final Path directory;
    private final Map<String, String> facts;

    private Vcsim(Process process, Path directory, Map<String, String> facts) {
        this.process = process;
        this.directory = directory;
        this.facts = facts;
    }

    /** Starts one; options as of its main.go, such as {@code -vms 5} or {@code -esx}. */
    public static Vcsim start(String... options) {
        try {
            Path directory = Files.createTempDirectory("vcsim-");
            List<String> command = new ArrayList<>(List.of(program(directory)));
            command.addAll(List.of(options));
            Process process = process(command, directory);
            try {
                process.getOutputStream().write((USER + "\n" + PASSWORD + "\n").getBytes(StandardCharsets.UTF_8));
                process.getOutputStream().flush();
                return new Vcsim(process, directory, awaitReady(process, directory));
            } catch (IOException | RuntimeException | Error e) {
                process.destroyForcibly();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Process process(List<String> command, Path directory) throws IOException {
        return new ProcessBuilder(command)
                .redirectOutput(directory.resolve("out").toFile())
                .redirectError(directory.resolve("err").toFile())
                .start();
    }

    private static String program(Path directory) throws IOException {
        Path at = Path.of("").toAbsolutePath();
        while (at.getParent() != null && !Files.exists(at.resolve(BUILD))) {
            at = at.getParent();
        }
        Process build = process(List.of(at.resolve(BUILD).toString()), directory);
        try {
            if (build.waitFor(BUILD_LIMIT.toMillis(), TimeUnit.MILLISECONDS) && build.exitValue() == 0) {
                return Files.readString(directory.resolve("out")).strip();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            build.destroyForcibly();
        }
        throw new AssertionError("vcsim cannot be built (bin/setup installs what it needs): "
                + Files.readString(directory.resolve("err")));
    }

    private static Map<String, String> awaitReady(Process process, Path directory) throws IOException {
        long end = System.nanoTime() + START_LIMIT.toNanos();
        while (System.nanoTime() < end) {
            List<String> lines = Files.readAllLines(directory.resolve("out"));
            if (lines.contains("ready")) {
                Map<String, String> facts = new TreeMap<>();
                lines.stream()
                        .map(line -> line.split("=", 2))
                        .filter(p -> p.length == 2)
                        .forEach(p -> facts.put(p[0], p[1]));
                return facts;
            }
            try {
                if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
                    break;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        throw new AssertionError("vcsim did not get ready: " + Files.readString(directory.resolve("err")));
    }

    private String fact(String name) {
        String value = facts.get(name);
        if (value == null) {
            throw new IllegalStateException("vcsim did not tell its " + name);
        }
        return value;
    }

    public Endpoint endpoint() {
        return Endpoint.parse(fact("url"));
    }

    public Thumbprint sha1() {
        return Thumbprint.parse(fact("sha1"));
    }

    public Thumbprint sha256() {
        return Thumbprint.parse(fact("sha256"));
    }

    /** How to log in. */
    public VCenterSpec spec(VCenterLimits limits) {
        return new VCenterSpec(endpoint(), USER, new Secret(PASSWORD.toCharArray()), new Trust.Pin(sha256()), limits);
    }

    public String username() {
        return USER;
    }

    public String password() {
        return PASSWORD;
    }

    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
            for (String file : List.of("out", "err")) {
                Files.deleteIfExists(directory.resolve(file));
            }
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
