package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the journal keep what happened, within its limits and in spite of torn lines? */
class JournalTest {
    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    @TempDir
    private Path folder;

    @Test
    void oneObjectALine() throws IOException {
        try (Journal journal = new Journal(folder, Journal.LONGEST_FILE)) {
            journal.add(NOON, JobEvent.STARTED, Map.of("attempt", 1));
            journal.add(NOON, JobEvent.FAILED, Map.of("message", "no \"answer\"\nfrom\u0000 nbd://a"));
        }
        assertEquals(
                List.of(
                        "{\"time\":\"2026-11-20T12:00:00Z\",\"event\":\"started\",\"attempt\":1}",
                        "{\"time\":\"2026-11-20T12:00:00Z\",\"event\":\"failed\",\"message\":"
                                + "\"no \\\"answer\\\"\\nfrom\\u0000 nbd://a\"}"),
                Files.readAllLines(folder.resolve("journal.jsonl")));
        assertEquals(
                List.of(new JournalLine(NOON, "failed", Map.of("message", "no \"answer\"\nfrom\u0000 nbd://a"))),
                Journal.tail(folder, 1));
    }

    @Test
    void aTornLineHarmsNoOther() throws IOException {
        Path file = folder.resolve("journal.jsonl");
        try (Journal journal = new Journal(folder, Journal.LONGEST_FILE)) {
            journal.add(NOON, JobEvent.STARTED, Map.of());
        }
        String line = Files.readString(file);
        for (int length = 1; length < line.length(); length++) {
            Files.writeString(file, line + line.substring(0, length));
            assertEquals(1, Journal.tail(folder, 10).size());
            try (Journal journal = new Journal(folder, Journal.LONGEST_FILE)) {
                journal.add(NOON, JobEvent.RESUMED, Map.of());
            }
            List<JournalLine> lines = Journal.tail(folder, 10);
            // Cut off right before its end, the line is whole once the next one has begun.
            assertEquals(length == line.length() - 1 ? 3 : 2, lines.size(), Files.readString(file));
            assertEquals("resumed", lines.getLast().event());
        }
        Files.write(file, new byte[] {(byte) 0xff, '\n', '{', '}', '\n', '7', '\n'}, StandardOpenOption.APPEND);
        assertEquals("resumed", Journal.tail(folder, 10).getLast().event());
    }

    @Test
    void weeksOfReconnectingStayWithinTheLimits() throws IOException {
        int limit = 10_000;
        try (Journal journal = new Journal(folder, limit)) {
            for (int i = 0; i < 2_000; i++) {
                journal.add(NOON.plusSeconds(i), JobEvent.RECONNECTED, Map.of("n", i));
            }
            journal.add(NOON, JobEvent.WARNING, Map.of("message", "x".repeat(1 << 20)));
        }
        assertTrue(Files.size(folder.resolve("journal.jsonl")) < limit + 20_000);
        assertTrue(Files.size(folder.resolve("journal.1.jsonl")) < limit + 20_000);
        List<JournalLine> lines = Journal.tail(folder, 100);
        assertEquals(100, lines.size());
        assertEquals("warning", lines.getLast().event());
        for (int i = 0; i < 99; i++) {
            assertEquals(Map.of("n", Integer.toString(1901 + i)), lines.get(i).details());
        }
    }

    @Test
    void noJournalIsAnEmptyOne() throws IOException {
        assertEquals(List.of(), Journal.tail(folder.resolve("none"), 10));
    }
}
