package io.migratekit.nbd.server;

import io.migratekit.nbd.files.TempFiles;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** How is a QCOW2 file made? By qemu-img, which has an end. */
public final class Qcow2File {
    private static final long LIMIT_SECONDS = 120;

    private Qcow2File() {}

    /** An empty one, of a disk of this size. */
    public static void create(Path file, long bytes) throws IOException {
        create(List.of(file.toAbsolutePath().toString(), Long.toString(bytes)));
    }

    /**
     * An empty one that stands on something else.
     *
     * @param backing as qemu names it: an absolute path, or the URI of an export
     * @param format {@code qcow2} or {@code raw}
     */
    public static void createOver(Path file, String backing, String format) throws IOException {
        create(List.of("-b", backing, "-F", format, file.toAbsolutePath().toString()));
    }

    private static void create(List<String> words) throws IOException {
        List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
        command.addAll(words);
        Path out = TempFiles.file("img", ".out");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(out.toFile())
                    .start();
            try {
                if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                    throw new IOException("qemu-img did not end within " + LIMIT_SECONDS + " s");
                }
            } finally {
                process.destroyForcibly();
            }
            if (process.exitValue() != 0) {
                throw new IOException(
                        Files.readString(out, StandardCharsets.UTF_8).strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("stopped while qemu-img worked");
        } finally {
            Files.deleteIfExists(out);
        }
    }
}
