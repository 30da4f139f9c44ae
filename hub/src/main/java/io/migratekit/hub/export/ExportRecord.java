package io.migratekit.hub.export;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Which qemu-nbd were ours before the hub was killed, and where did they listen? A small file says so; by process id and
 * start time a process is told from a later one of the same number, so nobody else's is ever ended.
 */
final class ExportRecord {
    private static final System.Logger LOG = System.getLogger(ExportRecord.class.getName());
    private static final Duration POLITE = Duration.ofSeconds(5);
    private static final Duration FORCED = Duration.ofSeconds(5);
    /** The 22nd field of a stat line, counted from behind the name in parentheses. */
    private static final int START_TIME_FIELD = 19;

    private final Path file;

    ExportRecord(Path file) {
        this.file = file;
    }

    /** One qemu-nbd; the port is 0 when it listens on a socket. */
    record Entry(ExportKey key, int port, long pid, String startTime) {}

    void write(List<Entry> entries) throws IOException {
        JsonArray array = new JsonArray();
        for (Entry entry : entries) {
            JsonObject object = new JsonObject();
            object.addProperty("backup", entry.key().backup());
            object.addProperty("disk", entry.key().disk());
            object.addProperty("port", entry.port());
            object.addProperty("pid", entry.pid());
            object.addProperty("startTime", entry.startTime());
            array.add(object);
        }
        JsonObject all = new JsonObject();
        all.add("exports", array);
        SafeFiles.replace(file, all.toString().getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.CRASH);
    }

    /** What was written last; a record that cannot be read costs a port its number and nothing else. */
    List<Entry> read() {
        List<Entry> entries = new ArrayList<>();
        try {
            Optional<String> text = SafeFiles.read(file);
            if (text.isPresent()) {
                for (JsonElement element :
                        JsonParser.parseString(text.get()).getAsJsonObject().getAsJsonArray("exports")) {
                    JsonObject object = element.getAsJsonObject();
                    entries.add(new Entry(
                            new ExportKey(
                                    object.get("backup").getAsString(),
                                    object.get("disk").getAsInt()),
                            object.get("port").getAsInt(),
                            object.get("pid").getAsLong(),
                            object.get("startTime").getAsString()));
                }
            }
        } catch (IOException | JsonParseException | IllegalStateException | ClassCastException e) {
            LOG.log(WARNING, () -> "file=" + file + " is not readable, exports get new places: " + e.getMessage());
        }
        return entries;
    }

    /** Ends those that are left over, all at once; a killed hub's qemu-nbd is usually on its way out already. */
    void endLeftOvers(List<Entry> entries) {
        List<ProcessHandle> left = entries.stream()
                .filter(entry -> startTime(entry.pid()).equals(entry.startTime()))
                .flatMap(entry -> ProcessHandle.of(entry.pid()).stream())
                .filter(this::servesFromHere)
                .toList();
        left.forEach(ProcessHandle::destroy);
        List<ProcessHandle> stubborn = alive(left, POLITE);
        stubborn.forEach(ProcessHandle::destroyForcibly);
        if (!alive(stubborn, FORCED).isEmpty()) {
            throw new ExportFailed("processes of the hub before cannot be ended: " + stubborn);
        }
        if (!left.isEmpty()) {
            LOG.log(INFO, () -> "exports of the hub before ended=" + left.size() + " by force=" + stubborn.size());
        }
    }

    /** A repository may be a copy of one whose hub lives: then the record tells of that one's processes. */
    private boolean servesFromHere(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"), StandardCharsets.ISO_8859_1)
                    .contains(new String(
                            (SafeFiles.parent(file) + "/").getBytes(StandardCharsets.UTF_8),
                            StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return false; // It is gone.
        }
    }

    private static List<ProcessHandle> alive(List<ProcessHandle> processes, Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        for (ProcessHandle process : processes) {
            try {
                process.onExit().get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException | ExecutionException e) {
                LOG.log(INFO, () -> "pid=" + process.pid() + " is still there");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return processes.stream().filter(ProcessHandle::isAlive).toList();
    }

    /** The kernel's number for it, empty if there is no such process. */
    static String startTime(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return fields.length > START_TIME_FIELD ? fields[START_TIME_FIELD] : "";
        } catch (IOException e) {
            return "";
        }
    }
}
