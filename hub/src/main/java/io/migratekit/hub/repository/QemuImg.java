package io.migratekit.hub.repository;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What does qemu-img do and say about a layer? Each run has an end, and its output never blocks it. */
final class QemuImg {
    private final Duration limit;

    QemuImg(Duration limit) {
        this.limit = limit;
    }

    void createFull(Path file, long bytes) {
        run(file, List.of("create", "-q", "-f", "qcow2", name(file), Long.toString(bytes)));
    }

    /** The parent lies in the same folder, so its bare name is the relative one. */
    void createIncrement(Path file, String parent, long bytes) {
        run(
                file,
                List.of("create", "-q", "-f", "qcow2", "-b", parent, "-F", "qcow2", name(file), Long.toString(bytes)));
    }

    void check(Path file) {
        run(file, List.of("check", "-q", "-f", "qcow2", name(file)));
    }

    private static String name(Path file) {
        // With a folder before it, qemu cannot take a colon in the name for a protocol.
        return "./" + file.getFileName();
    }

    private void run(Path file, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(arguments);
        Path out = file.resolveSibling(file.getFileName() + ".out.tmp");
        try {
            Process process = new ProcessBuilder(command)
                    .directory(out.resolveSibling(".").toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(out.toFile())
                    .start();
            try {
                process.getOutputStream().close();
                if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                    throw new RepositoryException.Storage(
                            "qemu-img " + arguments + " did not end within " + limit + " and was stopped", null);
                }
                String text = Files.readString(out, StandardCharsets.UTF_8);
                if (process.exitValue() != 0) {
                    throw failed(file, arguments, text);
                }
            } finally {
                process.destroyForcibly();
                Files.deleteIfExists(out);
            }
        } catch (IOException e) {
            throw Disk.storage("cannot run qemu-img " + arguments + " for " + file, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RepositoryException.Storage("interrupted while qemu-img worked on " + file, e);
        }
    }

    private static RepositoryException failed(Path file, List<String> arguments, String text) {
        if (text.contains("No space left")) {
            return new RepositoryException.NoSpace("no space left for " + file + ": free some and try again");
        }
        if (arguments.getFirst().equals("check")) {
            return new RepositoryException.Damaged(
                    name(file), -1, "the structure of the layer is damaged: " + text.strip() + "; copy it again");
        }
        return new RepositoryException.Storage("qemu-img " + arguments + " failed: " + text.strip(), null);
    }
}
