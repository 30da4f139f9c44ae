package io.migratekit.agent.copy;

import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** From which server to which server is it copied? Any of those that we know to differ in what they can. */
final class RandomEnds {
    private static final int LARGEST_DISK = 8 << 20;

    private final CopyLab lab;
    private final Random random;
    private final RandomDisk disk;
    /** Both disks consist of blocks of this size, because one of the servers takes no others. */
    private final int block;

    private final int sourceBytes;
    /** What was chosen, for a message. */
    private final List<String> story = new ArrayList<>();

    RandomEnds(CopyLab lab, Random random) {
        this.lab = lab;
        this.random = random;
        disk = new RandomDisk(lab, random);
        block = random.nextInt(4) == 0 ? 512 << random.nextInt(4) : 1;
        int most = random.nextInt(4) == 0 ? LARGEST_DISK / 50 : LARGEST_DISK;
        sourceBytes = Math.max(block, (1 + random.nextInt(most)) / block * block);
    }

    /** What to copy to, with what is known of it. */
    record Target(String uri, boolean zero, Optional<Path> log) {}

    int block() {
        return block;
    }

    String story() {
        return String.join(", ", story);
    }

    // ---- sources

    String source() {
        story.add("source of " + sourceBytes + " bytes");
        return switch (random.nextInt(7)) {
            case 0 -> serve(Nbdkit.plugin("file", "file=" + disk.raw(sourceBytes)));
            case 1 -> serve(Nbdkit.plugin("data", "data=" + disk.words(sourceBytes), "size=" + sourceBytes));
            case 2 -> sparseRandom();
            case 3 -> serve(disk.raw(sourceBytes), Format.RAW, true);
            case 4 -> serve(disk.qcow2(sourceBytes), Format.QCOW2, true);
            default -> serve(chain(1 + random.nextInt(3), sourceBytes), Format.QCOW2, true);
        };
    }

    /** Its plugin answers the same only to those who ask for whole blocks, so a filter does. */
    private String sparseRandom() {
        story.add("nbdkit sparse-random");
        return lab.serve(Nbdkit.plugin("sparse-random", "size=" + Math.max(4096, sourceBytes))
                .filter("blocksize")
                .parameter("minblock=4096")
                .parameter("seed=" + random.nextInt(1_000_000))
                .parameter("runlength=" + (1 + random.nextInt(200_000)))
                .parameter("percent=" + random.nextInt(1, 100)));
    }

    /** An image over so many others. */
    private Path chain(int backing, long sizeBytes) {
        story.add("chain of " + (backing + 1));
        boolean raw = sizeBytes % 512 == 0 && random.nextBoolean();
        Path top = raw ? disk.raw(sizeBytes) : disk.qcow2(sizeBytes);
        for (int i = 0; i < backing; i++) {
            top = disk.overlay(top, raw && i == 0 ? "raw" : "qcow2", sizeBytes);
        }
        return top;
    }

    // ---- targets

    /** @param source whose content a target may have to be compared with */
    Target target(byte[] source) {
        // qemu has rounded the source up, maybe.
        int size = source.length;
        if (random.nextInt(3) == 0) {
            size += Math.max(1, random.nextInt(300_000) / block) * block;
        }
        story.add("target of " + size + " bytes");
        return switch (random.nextInt(9)) {
            case 0 -> new Target(serve(disk.emptyQcow2(size), Format.QCOW2, false), true, Optional.empty());
            case 1 -> old(serve(disk.emptyOverlay(disk.raw(size / 512 * 512 + 512), "raw"), Format.QCOW2, false));
            case 2 -> old(serve(chain(2, size), Format.QCOW2, false));
            case 3 -> old(serve(disk.qcow2(size), Format.QCOW2, false));
            case 4 -> old(serve(disk.raw(size), Format.RAW, false));
            case 5 -> logged(Nbdkit.plugin("memory", "size=" + size), true);
            case 6 -> logged(checking(source), false);
            case 7 -> filledMemory(size);
            default -> logged(Nbdkit.plugin("file", "file=" + disk.raw(size)), false);
        };
    }

    /**
     * Fails every write that would change anything, so nothing but the source's own content passes. Its filter makes
     * requests of its own, of any size, and so cannot stand before one that minds.
     */
    private Nbdkit.Builder checking(byte[] source) {
        Nbdkit.Builder server = Nbdkit.plugin("file", "file=" + file(source));
        return block == 1 ? server.filter("checkwrite") : server;
    }

    private Target filledMemory(int size) {
        Target memory = logged(Nbdkit.plugin("memory", "size=" + size), false);
        if (block == 1) {
            disk.fill(memory.uri(), size);
        }
        return memory;
    }

    private static Target old(String uri) {
        return new Target(uri, false, Optional.empty());
    }

    private Target logged(Nbdkit.Builder server, boolean zero) {
        Path log = lab.newFile(".log");
        server.filter("log").parameter("logfile=" + log);
        if (random.nextInt(4) == 0) {
            story.add("nozero");
            server.filter("nozero");
        }
        return new Target(serve(server), zero, Optional.of(log));
    }

    private Path file(byte[] content) {
        try {
            return Files.write(lab.newFile(".raw"), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- servers, each in its mood

    private String serve(Nbdkit.Builder server) {
        if (random.nextInt(5) == 0) {
            story.add("noextents");
            if (random.nextBoolean()) {
                server.filter("noextents");
            } else {
                server.option("--no-sr");
            }
        }
        if (random.nextInt(4) == 0) {
            story.add("one connection");
            server.filter("multi-conn").parameter("multi-conn-mode=disable");
        }
        if (block > 1) {
            int most = 64 << 10 << random.nextInt(4);
            story.add("blocks from " + block + " to " + most);
            server.filter("blocksize-policy")
                    .parameter("blocksize-minimum=" + block)
                    .parameter("blocksize-preferred=" + (64 << 10))
                    .parameter("blocksize-maximum=" + most)
                    .parameter("blocksize-error-policy=error");
        }
        story.add("nbdkit");
        return lab.serve(server);
    }

    private String serve(Path image, Format format, boolean readOnly) {
        int shared = random.nextInt(1, 8);
        story.add("qemu-nbd " + format + " for " + shared + " clients");
        QemuNbd.Builder server = QemuNbd.of(image, format, shared);
        if (readOnly && random.nextBoolean()) {
            server.readOnly();
        }
        if (random.nextBoolean()) {
            server.discard(QemuNbd.Discard.UNMAP);
        }
        return lab.serve(server);
    }
}
