package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** How does a change fare whose process is killed? One change to a repository, in a process of its own. */
final class Victim {
    private static final String READY = "ready";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private Victim() {}

    /** FOLDER delete ID, FOLDER merge ID, or FOLDER seal ID KEY=HASHES-OR-WORD ... */
    public static void main(String[] words) throws IOException {
        try (Repository repository = Repository.open(Path.of(words[0]), RepositoryLab.LIMITS)) {
            Files.createFile(Path.of(words[0]).resolve(READY));
            switch (words[1]) {
                case "delete" -> repository.delete(words[2], false);
                case "merge" -> repository.delete(words[2], true);
                case "seal" -> repository.seal(words[2], request(words), SealProgress.NOBODY);
                default -> throw new IllegalArgumentException(words[1]);
            }
        }
    }

    private static SealRequest request(String[] words) {
        List<SealDisk> disks = new ArrayList<>();
        for (int i = 3; i < words.length; i++) {
            String[] disk = words[i].split("=", 2);
            disks.add(new SealDisk(
                    Integer.parseInt(disk[0]),
                    disk[1].equals("missing") ? "it was not reached" : null,
                    null,
                    disk[1].length() == 64 ? disk[1] : null,
                    null));
        }
        return new SealRequest(null, null, null, "lab", disks);
    }

    static String[] sealing(String id, SealRequest request) {
        List<String> words = new ArrayList<>(List.of("seal", id));
        for (SealDisk disk : request.disks()) {
            String how = disk.missing() != null ? "missing" : disk.hashes() == null ? "read" : disk.hashes();
            words.add(disk.key() + "=" + how);
        }
        return words.toArray(String[]::new);
    }

    /** Starts a change and kills it some time after it has begun; says whether it was still at it. */
    static boolean kill(Path repository, Path said, long afterMicros, String... words) {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Victim.class.getName(),
                repository.toString()));
        line.addAll(List.of(words));
        Path ready = repository.resolve(READY);
        try {
            Process process = new ProcessBuilder(line)
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            try {
                Waiting.until("it is at work", LIMIT, () -> Files.exists(ready) || !process.isAlive());
                LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(afterMicros));
                boolean wasAlive = process.isAlive();
                process.destroyForcibly();
                assertTrue(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), "it was killed, but does not end");
                assertTrue(wasAlive || process.exitValue() == 0, () -> text(said));
                return wasAlive;
            } finally {
                process.destroyForcibly();
                Files.deleteIfExists(ready);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
