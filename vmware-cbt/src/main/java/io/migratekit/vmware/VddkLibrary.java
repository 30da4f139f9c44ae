package io.migratekit.vmware;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Does VMware's library lie where it was said to be? Whether it fits this machine is only seen when it is loaded. */
public final class VddkLibrary {
    private static final String NAME = "libvixDiskLib.so";

    private VddkLibrary() {}

    /** What is wrong with the folder; nothing if the library is in it. */
    public static Optional<String> missing(Path libdir) {
        Path folder = libdir.resolve("lib64");
        if (!Files.isDirectory(folder)) {
            return Optional.of("there is no folder " + folder);
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.getFileName().toString().startsWith(NAME))
                    ? Optional.empty()
                    : Optional.of("there is no " + NAME + " in " + folder);
        } catch (IOException e) {
            return Optional.of("cannot look into " + folder + ": " + e.getMessage());
        }
    }
}
