package io.migratekit.agent.job;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;

/**
 * How do a run and other terminals talk to each other? Through four small files in the job's folder,
 * so that it works for a run that hangs, from scripts, and for a run that is dead.
 *
 * <p>Each file is replaced in one step, and each side takes any content for possible: written by
 * several at once, left behind by the dead, cut off, or nonsense.
 */
final class LiveFiles {
    private static final String STATUS = "status.json";
    private static final String RATE = "rate";
    private static final String WHY_REQUEST = "why.request";
    private static final String WHY_ANSWER = "why.txt";

    private static final int LONGEST_RATE_CHARS = 20;
    private static final Duration ANSWER_POLL = Duration.ofMillis(50);

    private final Path folder;

    LiveFiles(Path folder) {
        this.folder = folder;
    }

    // What the run does.

    /** Before a run begins: what the one before was told, or had to say, is not about this one. */
    void clear() throws IOException {
        for (String name : new String[] {STATUS, RATE, WHY_REQUEST, WHY_ANSWER}) {
            Files.deleteIfExists(folder.resolve(name));
        }
        SafeFiles.removeAbandoned(folder);
    }

    void writeStatus(String json) throws IOException {
        replace(STATUS, json);
    }

    /** The rate that somebody asked for, in bytes per second, 0 for no limit; nothing if nobody did. */
    OptionalLong readRate() throws IOException {
        String text = SafeFiles.read(folder.resolve(RATE)).orElse("").strip();
        if (text.isEmpty() || text.length() > LONGEST_RATE_CHARS) {
            return OptionalLong.empty();
        }
        try {
            long rate = Long.parseLong(text);
            return rate < 0 ? OptionalLong.empty() : OptionalLong.of(rate);
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** Whether somebody asks why; the request is taken off the table by asking. */
    boolean takeWhyRequest() throws IOException {
        return Files.deleteIfExists(folder.resolve(WHY_REQUEST));
    }

    void writeWhy(String dump) throws IOException {
        replace(WHY_ANSWER, dump);
    }

    // What another terminal does.

    /** The last status that the run wrote. */
    Optional<String> readStatus() throws IOException {
        return SafeFiles.read(folder.resolve(STATUS)).map(String::strip).filter(json -> !json.isEmpty());
    }

    void writeRate(long bytesPerSecond) throws IOException {
        replace(RATE, Long.toString(bytesPerSecond));
    }

    /** The last answer that the run gave, whoever had asked. */
    Optional<String> readWhy() throws IOException {
        return SafeFiles.read(folder.resolve(WHY_ANSWER));
    }

    /**
     * Asks why and waits for the answer, for as long as the run lives. Several may ask at once: any
     * answer that is written after the question is an answer to it.
     */
    Optional<String> askWhy(Duration limit, BooleanSupplier lives) throws IOException, InterruptedException {
        Optional<Object> before = answerMark();
        replace(WHY_REQUEST, "");
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            Optional<Object> now = answerMark();
            if (now.isPresent() && !now.equals(before)) {
                return readWhy();
            }
            if (System.nanoTime() - end >= 0 || !lives.getAsBoolean()) {
                return Optional.empty();
            }
            Thread.sleep(ANSWER_POLL);
        }
    }

    private void replace(String name, String text) throws IOException {
        byte[] bytes = (text + "\n").getBytes(StandardCharsets.UTF_8);
        SafeFiles.replace(folder.resolve(name), bytes, SafeFiles.Survives.CRASH);
    }

    /** Tells one answer from the next: each is a new file. */
    private Optional<Object> answerMark() throws IOException {
        try {
            BasicFileAttributes file = Files.readAttributes(folder.resolve(WHY_ANSWER), BasicFileAttributes.class);
            return Optional.of(file.fileKey() + " " + file.lastModifiedTime());
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
