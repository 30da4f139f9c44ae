package io.migratekit.vmware.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The small text file beside a flat disk that tells its geometry. */
final class Descriptor {
    private Descriptor() {}

    static void write(Path file, long capacityBytes, Path flat) {
        String text = """
                # Disk DescriptorFile
                version=1
                encoding="UTF-8"
                CID=fffffffe
                parentCID=ffffffff
                createType="vmfs"

                RW %d VMFS "%s"
                """.formatted(capacityBytes / 512, flat.getFileName());
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
