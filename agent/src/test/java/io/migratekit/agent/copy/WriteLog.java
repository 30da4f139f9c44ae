package io.migratekit.agent.copy;

import io.migratekit.nbd.ByteRange;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What did a server have to do? Read from the log that nbdkit's filter "log" has written. */
record WriteLog(List<ByteRange> written, long flushes) {
    private static final Pattern REQUEST =
            Pattern.compile(" (Write|Zero|Trim) id=\\d+ offset=0x([0-9a-f]+) count=0x([0-9a-f]+) ");

    /** What was written or zeroed, sorted, behind the first so many lines. */
    static WriteLog of(Path log, long linesBefore) {
        try {
            List<String> lines =
                    Files.readAllLines(log).stream().skip(linesBefore).toList();
            List<ByteRange> written = new ArrayList<>();
            for (String line : lines) {
                Matcher request = REQUEST.matcher(line);
                if (request.find()) {
                    written.add(
                            new ByteRange(Long.parseLong(request.group(2), 16), Long.parseLong(request.group(3), 16)));
                }
            }
            written.sort(Comparator.comparingLong(ByteRange::offset));
            long flushes =
                    lines.stream().filter(line -> line.contains(" Flush id=")).count();
            return new WriteLog(written, flushes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long lines(Path log) {
        try {
            return Files.readAllLines(log).size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
