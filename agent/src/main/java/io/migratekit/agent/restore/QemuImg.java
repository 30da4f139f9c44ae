package io.migratekit.agent.restore;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** How is a QCOW2 file made? By qemu-img, which has an end. */
final class QemuImg {
    private static final long LIMIT_SECONDS = 120;

    private QemuImg() {}

    /** @param words what follows {@code qemu-img create -q -f qcow2} */
    static void create(List<String> words) throws IOException {
        List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
        command.addAll(words);
        Path out = Files.createTempFile("qemu-img-", ".out");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(out.toFile())
                    .start();
            try {
                process.getOutputStream().close();
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
            throw new IOException("stopped while qemu-img worked", e);
        } finally {
            Files.deleteIfExists(out);
        }
    }
}
