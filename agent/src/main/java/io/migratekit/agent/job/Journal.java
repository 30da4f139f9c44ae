package io.migratekit.agent.job;

import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.SafeFiles;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What happened to a job, and when? A file with one JSON object a line, only ever appended to.
 *
 * <p>It is for people and support, and nothing depends on it. So a line is handed to the system at
 * once but not forced to the disk, and a full disk costs lines, not the copy. When the file has grown
 * to its limit it becomes the previous one, and the one before that is dropped.
 */
final class Journal implements AutoCloseable {
    static final String NAME = "journal.jsonl";
    static final String PREVIOUS = "journal.1.jsonl";
    static final int LONGEST_FILE = 1 << 20;
    private static final int LONGEST_LINE = 16 << 10;

    private static final System.Logger LOG = System.getLogger(Journal.class.getName());

    private final Path folder;
    private final int longestFile;
    private FileOutputStream out;
    private long length;
    /** The last line is not whole, and what comes next must not become part of it. */
    private boolean torn;

    private boolean complained;

    Journal(Path folder, int longestFile) throws IOException {
        this.folder = folder;
        this.longestFile = longestFile;
        Path file = folder.resolve(NAME);
        SafeFiles.makeFile(file);
        this.out = new FileOutputStream(file.toFile(), true);
        this.length = Files.size(file);
        this.torn = length > 0 && lastByte(file) != '\n';
    }

    /** Notes that something happened. Values are strings, numbers or truths. */
    synchronized void add(Instant time, JobEvent event, Map<String, ?> details) {
        JsonObject json = new JsonObject();
        json.addProperty("time", time.toString());
        json.addProperty("event", event.word());
        for (Map.Entry<String, ?> detail : details.entrySet()) {
            switch (detail.getValue()) {
                case Number number -> json.addProperty(detail.getKey(), number);
                case Boolean truth -> json.addProperty(detail.getKey(), truth);
                case Object other -> json.addProperty(detail.getKey(), shortened(other.toString()));
            }
        }
        try {
            if (length >= longestFile) {
                rotate();
            }
            write(json + "\n");
        } catch (IOException e) {
            if (!complained) {
                complained = true;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the journal in " + folder + " misses lines: " + SafeFiles.reason(e));
            }
        }
    }

    /** The newest lines that are whole, oldest first, at most so many. */
    static List<JournalLine> tail(Path folder, int most) throws IOException {
        List<JournalLine> lines = new ArrayList<>();
        for (String name : List.of(PREVIOUS, NAME)) {
            String text = SafeFiles.read(folder.resolve(name)).orElse("");
            int start = 0;
            for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
                line(text.substring(start, end), lines);
                start = end + 1;
            }
        }
        return List.copyOf(lines.subList(Math.max(0, lines.size() - most), lines.size()));
    }

    /** How a run ended, and when. */
    record End(JobState state, Instant time) {}

    /** How the last run failed or was interrupted, which began then; nothing if it noted no such end. */
    static Optional<End> lastEnd(Path folder, Instant begun) throws IOException {
        End end = null;
        for (JournalLine line : tail(folder, Integer.MAX_VALUE)) {
            JobState state = state(line);
            if (state != null && !line.time().isBefore(begun)) {
                end = new End(state, line.time());
            } else if (line.begins()) {
                end = null;
            }
        }
        return Optional.ofNullable(end);
    }

    private static @Nullable JobState state(JournalLine line) {
        Map<String, String> details = line.details();
        if (line.event().equals(JobEvent.INTERRUPTED.word()) && details.containsKey("reason")) {
            return new JobState.Interrupted(details.get("reason"));
        }
        String exitCode = details.getOrDefault("exitCode", "");
        if (line.event().equals(JobEvent.FAILED.word()) && exitCode.matches("[0-9]{1,3}")) {
            return new JobState.Failed(Integer.parseInt(exitCode), details.getOrDefault("message", ""));
        }
        return null;
    }

    @Override
    public synchronized void close() {
        try {
            out.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "closing a journal", e);
        }
    }

    private static void line(String text, List<JournalLine> lines) {
        try {
            JsonFields fields = JsonFields.parse(text);
            Map<String, String> details = new LinkedHashMap<>();
            for (String name : fields.names()) {
                if (!name.equals("time") && !name.equals("event")) {
                    details.put(name, fields.text(name));
                }
            }
            lines.add(new JournalLine(fields.time("time"), fields.string("event"), details));
        } catch (JsonFields.Unfit torn) {
            // A run died while it wrote this line.
        }
    }

    private void write(String line) throws IOException {
        byte[] bytes = (torn ? "\n" + line : line).getBytes(StandardCharsets.UTF_8);
        torn = true;
        out.write(bytes);
        torn = false;
        length += bytes.length;
    }

    private void rotate() throws IOException {
        Path file = folder.resolve(NAME);
        Files.move(file, folder.resolve(PREVIOUS), StandardCopyOption.ATOMIC_MOVE);
        SafeFiles.makeFile(file);
        out.close();
        out = new FileOutputStream(file.toFile(), true);
        length = 0;
        torn = false;
    }

    /** A line is one write, and what somebody else's message may contain has no limit. */
    private static String shortened(String text) {
        return text.length() <= LONGEST_LINE ? text : text.substring(0, LONGEST_LINE) + "...";
    }

    private static int lastByte(Path file) throws IOException {
        try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "r")) {
            raw.seek(raw.length() - 1);
            return raw.read();
        }
    }
}
