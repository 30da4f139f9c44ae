package io.migratekit.nbd.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what a killed program left removed by the next one, and nothing else? */
class TempFilesTest {
    @TempDir
    private Path place;

    private static long gone() throws Exception {
        Process process = new ProcessBuilder("true").start();
        assertTrue(process.waitFor(10, TimeUnit.SECONDS));
        return process.pid();
    }

    private List<String> names() throws IOException {
        try (Stream<Path> all = Files.list(place)) {
            return all.map(one -> one.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void whatIsOfAProcessThatIsGoneIsRemoved() throws Exception {
        Path mine = TempFiles.folderIn(place, "disk");
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(mine)));
        String own = mine.getFileName().toString();
        String before =
                own.substring(0, own.indexOf("-" + ProcessHandle.current().pid() + "-"));

        String dead = before + "-" + gone() + "-disk-1";
        Path precious = Files.writeString(place.resolve("precious"), "kept");
        Files.createDirectory(place.resolve(dead));
        Files.writeString(place.resolve(dead).resolve("file"), "x");
        Files.createSymbolicLink(place.resolve(dead).resolve("link"), precious);
        Files.createSymbolicLink(place.resolve(before + "-" + gone() + "-link"), precious);
        Files.writeString(place.resolve(before + "-" + gone() + "-img-1.out"), "x");

        List<String> others = List.of(
                before + "-" + ProcessHandle.current().parent().orElseThrow().pid() + "-disk-2",
                "migratekit-1-" + gone() + "-disk-of-another-namespace",
                "migratekit-of-somebody",
                "something-" + gone());
        for (String other : others) {
            Files.createDirectory(place.resolve(other));
        }
        TempFiles.sweep(place);
        List<String> left = Stream.concat(Stream.of(own, "precious"), others.stream())
                .sorted()
                .toList();
        assertEquals(left, names());
        assertEquals("kept", Files.readString(precious));
    }
}
