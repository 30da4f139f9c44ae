package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** A VM, the hub that keeps its backups, and the truth about each of them. */
final class HubLab implements AutoCloseable {
    private final MigrateLab source;
    private final HubProcess hub;
    /** The snapshot that each restore point must be equal to. */
    private final Map<String, String> truths = new TreeMap<>();

    private final Set<String> omitted = new TreeSet<>();

    HubLab(Path folder, long... diskBytes) throws IOException {
        this(new MigrateLab(folder, diskBytes), HubProcess.start(folder.resolve("h"), "--listen", "127.0.0.1:0"));
    }

    /** Of parts that were started elsewhere. */
    HubLab(MigrateLab source, HubProcess hub) {
        this.source = source;
        this.hub = hub;
    }

    MigrateLab source() {
        return source;
    }

    HubProcess hub() {
        return hub;
    }

    CopyProcess start(String job, String... more) {
        return source.startWith(job, List.of(source.trust(), source.password(), hub.to()), more);
    }

    Run backUp(String job, String... more) {
        try (CopyProcess process = start(job, more)) {
            return process.end(MigrateLab.LIMIT);
        }
    }

    /** Must end well; gives the report, and remembers what the restore point has to hold. */
    JsonObject backUpWell(String job, String... more) {
        List<String> words = new ArrayList<>(List.of(more));
        words.add("--json");
        Run run = backUp(job, words.toArray(String[]::new));
        assertEquals(0, run.code(), run::toString);
        remember(job);
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    static List<String> modes(JsonObject report) {
        return disks(report).stream()
                .map(disk -> disk.get("mode").getAsString())
                .toList();
    }

    static List<JsonObject> disks(JsonObject report) {
        return report.getAsJsonArray("disks").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    /** What the hub says, asked by the command. */
    JsonObject ask(String... words) {
        List<String> line = new ArrayList<>(List.of(words));
        line.add("--json");
        Run run = Run.migratekit(hubWords(line.toArray(String[]::new)));
        assertEquals(0, run.code(), run::toString);
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    /** Every restore point that was made is listed, whole, and equal to what was frozen. */
    void assertAllPointsAreTrue() {
        JsonObject list = ask("list");
        Map<String, JsonObject> points = new TreeMap<>();
        for (JsonElement element : list.getAsJsonArray("backups")) {
            JsonObject backup = element.getAsJsonObject();
            if (backup.get("state").getAsString().equals("sealed")
                    && !omitted.contains(backup.get("id").getAsString())) {
                points.put(backup.get("id").getAsString(), backup);
            }
        }
        assertEquals(truths.keySet(), points.keySet(), list::toString);
        truths.forEach((job, snapshot) -> {
            JsonObject point = java.util.Objects.requireNonNull(points.get(job));
            assertTrue(point.get("complete").getAsBoolean(), point::toString);
            for (JsonElement element : point.getAsJsonArray("disks")) {
                assertLayerHolds(element.getAsJsonObject(), snapshot);
            }
        });
    }

    void assertLayerHolds(JsonObject disk, String snapshot) {
        Tool.run(
                "qemu-img",
                "compare",
                "-f",
                "raw",
                "-F",
                "qcow2",
                source.vcenter().truth(snapshot, disk.get("key").getAsInt()).toString(),
                hub.repository().resolve(disk.get("layer").getAsString()).toString());
    }

    /** Rot: a sector with data in a layer of the restore point's is changed behind the hub's back; tells where. */
    int rot(String job, JsonObject disk, Random random) throws IOException {
        byte[] truth = Files.readAllBytes(truth(job, disk.get("key").getAsInt()));
        int[] data = IntStream.range(0, truth.length / 512)
                .map(sector -> sector * 512)
                .filter(start -> truth[start] != 0)
                .toArray();
        int at = data[random.nextInt(data.length)];
        String layer = hub.repository().resolve(disk.get("layer").getAsString()).toString();
        Tool.run("chmod", "u+w", layer);
        Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P " + (truth[at] == 7 ? 8 : 7) + " " + at + " 512", layer);
        return at;
    }

    /** The keys of the VM's disks. */
    List<Integer> keys() {
        return List.copyOf(source.targets().keySet());
    }

    /** What a disk of a restore point has to hold, as a raw file. */
    Path truth(String job, int key) {
        return source.vcenter().truth(java.util.Objects.requireNonNull(truths.get(job)), key);
    }

    /** A restore point that is not whole, and is not looked at. */
    void omit(String job) {
        omitted.add(job);
    }

    /** The restore point must hold what the last snapshot froze. */
    void remember(String job) {
        truths.put(job, source.lastSnapshot());
    }

    String[] hubWords(String... words) {
        List<String> line = new ArrayList<>(List.of("hub"));
        line.addAll(List.of(words));
        line.addAll(hub.to());
        return line.toArray(String[]::new);
    }

    /** A restore point was deleted. */
    void forget(String job) {
        truths.remove(job);
    }

    @Override
    public void close() {
        hub.close();
        source.close();
    }
}
