package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Does a real hub keep exactly the restore points that it has to keep, each of them true, and nothing else? */
final class KeptHub implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(20);

    private final String name;
    private final HubProcess process;
    /** What each disk of each restore point has to hold, whichever hub keeps it. */
    private final Truths truths;

    private final Set<String> points = new TreeSet<>();

    /** A raw file with what was frozen. */
    interface Truths {
        Path of(String point, int disk);
    }

    KeptHub(String name, HubProcess process, Truths truths) {
        this.name = name;
        this.process = process;
        this.truths = truths;
    }

    String name() {
        return name;
    }

    HubProcess process() {
        return process;
    }

    /** Those that it has to keep. */
    Set<String> points() {
        return points;
    }

    /** A command to this hub. */
    List<String> words(String... words) {
        List<String> line = new ArrayList<>(List.of("hub"));
        line.addAll(List.of(words));
        line.addAll(process.to());
        return line;
    }

    /** What the hub says, asked by the command, which must end well. */
    JsonObject ask(String... words) {
        List<String> line = new ArrayList<>(words(words));
        line.addAll(List.of("--json", "--timeout", "60s"));
        Run run = Run.migratekit(line.toArray(String[]::new));
        assertEquals(0, run.code(), () -> name + ": " + run);
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    /** The points are there, complete and equal to what was frozen; no other one is, and nothing is under way. */
    void assertKeepsWhatItHasTo() {
        Map<String, JsonObject> listed = new TreeMap<>();
        JsonObject list = ask("list");
        for (JsonElement element : list.getAsJsonArray("backups")) {
            JsonObject backup = element.getAsJsonObject();
            assertEquals("sealed", backup.get("state").getAsString(), () -> name + ": " + list);
            assertTrue(backup.get("complete").getAsBoolean(), () -> name + ": " + list);
            assertTrue(!backup.has("damage"), () -> name + ": " + list);
            listed.put(backup.get("id").getAsString(), backup);
        }
        assertEquals(points, listed.keySet(), () -> name + ": " + list);
        listed.forEach((point, backup) -> backup.getAsJsonArray("disks").forEach(disk -> {
            Path layer = process.repository()
                    .resolve(disk.getAsJsonObject().get("layer").getAsString());
            assertSame(point, disk.getAsJsonObject().get("key").getAsInt(), layer, "qcow2");
        }));
        assertNothingUnderWay();
    }

    private void assertSame(String point, int disk, Path file, String format) {
        Tool.run(
                "qemu-img",
                "compare",
                "-f",
                "raw",
                "-F",
                format,
                truths.of(point, disk).toString(),
                file.toString());
    }

    /** What was restored into this folder is the restore point, and nothing is left of how it came there. */
    void assertRestored(String point, Iterable<Integer> disks, Path folder) {
        for (int disk : disks) {
            assertSame(point, disk, folder.resolve("disk-" + disk + ".qcow2"), "qcow2");
        }
        List<String> left = names(folder).stream()
                .filter(one -> one.contains(".partial") || one.endsWith(".tmp") || one.contains(".migratekit-restore"))
                .toList();
        assertEquals(List.of(), left);
    }

    /** No merge that was begun, no open backup, no file that is not whole, and no layer that nobody needs. */
    private void assertNothingUnderWay() {
        List<String> names = names(process.repository());
        List<String> under = names.stream()
                .filter(one -> one.endsWith("/merge.json") || one.matches(".*/open/[^/]+") || one.endsWith(".tmp"))
                .toList();
        assertEquals(List.of(), under, name);
        Set<String> needed = new TreeSet<>();
        for (JsonElement disk : ask("chain", "web01").getAsJsonArray("disks")) {
            for (JsonElement layer : disk.getAsJsonObject().getAsJsonArray("layers")) {
                needed.add(layer.getAsJsonObject().get("layer").getAsString());
            }
        }
        Set<String> there = new TreeSet<>(
                names.stream().filter(one -> one.endsWith(".qcow2")).toList());
        assertEquals(needed, there, name);
    }

    /** Once nobody reads or writes any more, it serves nothing. A restart ends what those who were killed were reading. */
    void assertQuiet() {
        restart();
        Waiting.until(name + " serves nothing", SOON, () -> process.exports().isEmpty());
        List<String> sockets = names(process.sockets());
        assertEquals(List.of(), sockets, name);
    }

    /** In good order. */
    void restart() {
        process.close();
        process.startAgain();
    }

    /** The files in a folder, and below. */
    static List<String> names(Path folder) {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(path -> !Files.isDirectory(path))
                    .map(path -> folder.relativize(path).toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The processes whose command line names this folder. */
    static List<String> processesOf(Path folder) {
        return ProcessHandle.allProcesses()
                .map(one -> one.info().commandLine().orElse(""))
                .filter(line -> line.contains(folder.toString()))
                .toList();
    }

    /** Whether somebody reads or writes there. */
    boolean serves() {
        return !process.exports().isEmpty();
    }

    /** Whether a restore point is being merged into another one. */
    boolean merges() {
        return names(process.repository()).stream().anyMatch(one -> one.endsWith("/merge.json"));
    }

    @Override
    public void close() {
        process.close();
    }
}
