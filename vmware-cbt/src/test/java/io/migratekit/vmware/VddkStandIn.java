package io.migratekit.vmware;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How is a disk server tested without VMware's library? A plugin for nbdkit that takes the same parameters, checks them
 * strictly and serves files: see vddk-standin.c, which says how its folder is laid out. It is compiled once for each JVM.
 */
public final class VddkStandIn {
    private static @Nullable Path compiled;

    private final Path root;

    private VddkStandIn(Path root) {
        this.root = root;
    }

    /** One that has its frozen disks in this folder, and expects this password. */
    public static VddkStandIn in(Path root, String password) throws IOException {
        Files.createDirectories(root);
        Files.writeString(root.resolve("password"), password);
        return new VddkStandIn(root);
    }

    /** The words for {@link DiskServerSpec#withPlugin}. */
    public List<String> plugin() throws IOException {
        return List.of(sharedObject().toString(), "root=" + root);
    }

    /** Where the content of a disk's file, such as {@code [ds1] vm/x.vmdk}, belongs as that snapshot froze it. */
    public Path frozen(String snapshotMoref, String file) throws IOException {
        Path frozen = root.resolve("frozen").resolve(snapshotMoref).resolve(file.replaceFirst("^\\[([^]]+)] ", "$1/"));
        Files.createDirectories(Objects.requireNonNull(frozen.getParent()));
        return frozen;
    }

    /** Lets it expect a certificate's thumbprint. */
    public void thumbprint(Thumbprint expected) throws IOException {
        Files.writeString(root.resolve("thumbprint"), expected.toString());
    }

    /**
     * Switches a fault on: hang-load, hang-open, hang-read, hang-extents, die-on-read, or fail-open and fail-read with their errors. What hangs
     * may be told which disks are meant, by words of their files' names.
     */
    public void fault(String name, String... errors) throws IOException {
        Files.writeString(root.resolve(name), String.join("\n", errors));
    }

    /** Switches it off. */
    public void heal(String name) throws IOException {
        Files.deleteIfExists(root.resolve(name));
    }

    /** Whether a living process has this frozen file open: then vSphere would not let its snapshot go. */
    public static boolean isOpen(Path frozen) throws IOException {
        Path mark = Path.of(frozen + ".open");
        if (!Files.exists(mark)) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(mark, StandardOpenOption.WRITE);
                FileLock mine = channel.tryLock()) {
            return mine == null;
        }
    }

    private static synchronized Path sharedObject() throws IOException {
        if (compiled == null) {
            Path directory = Files.createTempDirectory("vddk-standin-");
            Path source = directory.resolve("vddk-standin.c");
            Path plugin = directory.resolve("vddk-standin.so");
            try (InputStream text = VddkStandIn.class.getResourceAsStream("vddk-standin.c")) {
                Files.copy(Objects.requireNonNull(text), source);
            }
            Tool.run("gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-o", plugin.toString(), source.toString());
            for (Path file : List.of(directory, source, plugin)) {
                file.toFile().deleteOnExit();
            }
            compiled = plugin;
        }
        return compiled;
    }
}
