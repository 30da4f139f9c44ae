package io.migratekit.hub.guest;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** What has the guest written on its serial port up to now? Of a long text the end, and what overlaps with the last look. */
final class SerialLog {
    /** What a look gives at most: more than a guest writes between two of them, and little enough to be searched. */
    private static final int WINDOW = 256 << 10;
    /** A sign may begin before the last look's end. */
    private static final int OVERLAP = 8 << 10;

    private final Path file;
    private long seen;

    SerialLog(Path file) {
        this.file = file;
    }

    /** What is new since the last look, with a bit of what was before; without escape sequences. */
    String look() throws IOException {
        long size = size();
        String text = read(Math.max(0, Math.max(seen - OVERLAP, size - WINDOW)), size);
        seen = size;
        return text;
    }

    /** Its last lines that are not empty. */
    List<String> lastLines(int count) throws IOException {
        long size = size();
        List<String> lines = Arrays.stream(
                        read(Math.max(0, size - OVERLAP), size).split("\n"))
                .map(line -> Plain.line(line.strip()))
                .filter(line -> !line.isEmpty())
                .toList();
        return lines.subList(Math.max(0, lines.size() - count), lines.size());
    }

    /** Nothing, as long as qemu has not made it. */
    long size() throws IOException {
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private String read(long from, long to) throws IOException {
        if (from >= to) {
            return "";
        }
        byte[] bytes = new byte[Math.toIntExact(to - from)];
        try (RandomAccessFile reader = new RandomAccessFile(file.toFile(), "r")) {
            reader.seek(from);
            reader.readFully(bytes);
        }
        return SerialSigns.plain(new String(bytes, StandardCharsets.UTF_8));
    }
}
