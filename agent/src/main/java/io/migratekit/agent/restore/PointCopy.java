package io.migratekit.agent.restore;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.Heartbeat;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * How does a restore point get to another hub? A backup of the same id is opened there; what its newest restore point of a disk holds
 * already is not sent, since the lists of hashes tell what differs; what was sent is proved and sealed there, and has to
 * have the content that it has here.
 */
public final class PointCopy implements AutoCloseable {
    private static final int LEASE_SECONDS = 600;
    private static final Duration BEAT_EVERY = Duration.ofSeconds(30);
    private static final String SEALED = "sealed";

    private final JsonObject point;
    private final String id;
    private final HubClient target;
    private final Listener listener;
    private final Heartbeat heartbeat;

    /** Who copies a disk, and hears of what goes on? */
    public interface Listener {
        /**
         * Copies these ranges of a disk.
         *
         * @param state a name that tells this copy from all others
         * @param hashes where the hashes of what was copied are to be put
         */
        Sent copy(int key, NbdUri into, ProvedContent content, Ranges ranges, String state, Path hashes);

        void told(String sentence);
    }

    /**
     * What was sent of a disk.
     *
     * @param root of the hashes of it
     */
    public record Sent(String root, long bytes) {}

    /** What came of a restore point. */
    public sealed interface Outcome {
        /** It was there. */
        record There() implements Outcome {}

        /** It is there, and known there to be damaged. */
        record DamagedThere() implements Outcome {}

        /** It is there now; so much was sent. */
        record Copied(long sentBytes) implements Outcome {}
    }

    /** @param point the restore point, as a hub shows it */
    public PointCopy(JsonObject point, HubClient target, Listener listener) {
        this.point = point;
        this.id = text(point, "id");
        this.target = target;
        this.listener = listener;
        heartbeat = new Heartbeat(
                BEAT_EVERY,
                () -> target.heartbeat(id, new JsonObject()),
                why -> listener.told(
                        "the other hub does not hear that the copy of " + id + " lives: " + why.getMessage()));
    }

    /**
     * Copies it, unless it is there.
     *
     * @param workers connections to each disk
     * @param way leads from an address at the other hub to one here
     * @param folder for lists of hashes, which are left there
     */
    public Outcome run(PointSource source, int workers, UnaryOperator<NbdUri> way, Path folder) {
        Optional<JsonObject> there = target.backup(id);
        if (there.isPresent() && text(there.get(), "state").equals(SEALED)) {
            requireSame(there.get());
            return there.get().has("damage") ? new Outcome.DamagedThere() : new Outcome.There();
        }
        JsonObject opened = target.start(startRequest(workers));
        heartbeat.start();
        Map<Integer, String> roots = new TreeMap<>();
        long sent = 0;
        for (JsonObject disk : disks(point)) {
            if (disk.has("root")) {
                int key = key(disk);
                Sent one = disk(source, disk, opened(opened, key), way, folder);
                sent += one.bytes();
                roots.put(key, one.root());
            }
        }
        heartbeat.close();
        requireSame(target.seal(id, sealRequest(roots)));
        return new Outcome.Copied(sent);
    }

    private Sent disk(PointSource source, JsonObject disk, JsonObject layer, UnaryOperator<NbdUri> way, Path folder) {
        int key = key(disk);
        if (!layer.has("export")) {
            throw new RestoreException.NoPlace("the other hub cannot serve disk " + key + " of " + id + ": "
                    + (layer.has("exportFailure") ? text(layer, "exportFailure") : "it says not why"));
        }
        Path hashes = folder.resolve(id + "-" + key + ".hashes");
        source.hashes(key, hashes);
        ProvedContent content = ProvedContent.of(hashes, text(disk, "root"));
        Ranges ranges = Ranges.whole(content.diskBytes());
        JsonObject parent = layer.getAsJsonObject("parent");
        if (parent != null) {
            Path theirs = folder.resolve(id + "-" + key + ".theirs");
            target.getHashes(text(parent, "backup"), key, theirs);
            ranges = Ranges.of(content.differences(theirs));
        }
        // What was opened there tells this copy from one into another layer, or over another parent.
        String state = text(layer, "layer").replaceAll("[^A-Za-z0-9]+", "-");
        NbdUri into = way.apply(NbdUri.parse(text(layer, "export")));
        Path sentHashes = folder.resolve(id + "-" + key + ".sent");
        Sent sent = listener.copy(key, into, content, ranges, state, sentHashes);
        target.putHashes(id, key, sentHashes);
        return sent;
    }

    /** What is there under this id has to be the same in every disk. */
    private void requireSame(JsonObject there) {
        for (JsonObject disk : disks(point)) {
            String has = disks(there).stream()
                    .filter(other -> key(other) == key(disk) && other.has("root"))
                    .map(other -> text(other, "root"))
                    .findFirst()
                    .orElse("nothing");
            if (disk.has("root") && !has.equals(text(disk, "root"))) {
                throw new RestoreException.NotWhatWasSealed("disk " + key(disk) + " of restore point " + id
                        + " is another one at the other hub: it has the content " + has + " there, and "
                        + text(disk, "root") + " here");
            }
        }
    }

    private JsonObject startRequest(int workers) {
        JsonObject request = new JsonObject();
        request.addProperty("id", id);
        request.addProperty("vm", text(point, "vm"));
        request.addProperty("name", text(point, "vmName"));
        request.addProperty("workers", Math.min(HubClient.MOST_WORKERS, workers));
        request.addProperty("leaseSeconds", LEASE_SECONDS);
        JsonArray all = new JsonArray();
        for (JsonObject disk : disks(point)) {
            JsonObject one = new JsonObject();
            for (String name : List.of("key", "label", "capacityBytes")) {
                if (disk.has(name)) {
                    one.add(name, disk.get(name));
                }
            }
            all.add(one);
        }
        request.add("disks", all);
        return request;
    }

    private JsonObject sealRequest(Map<Integer, String> roots) {
        JsonObject request = new JsonObject();
        for (String name : List.of("takenAt", "quiesced", "agent", "configuration")) {
            if (point.has(name)) {
                request.add(name, point.get(name));
            }
        }
        JsonArray all = new JsonArray();
        for (JsonObject disk : disks(point)) {
            JsonObject one = new JsonObject();
            one.add("key", disk.get("key"));
            String root = roots.get(key(disk));
            if (root == null) {
                one.addProperty("missing", disk.has("missing") ? text(disk, "missing") : "it was missing");
            } else {
                one.addProperty("hashes", root);
                one.addProperty("reason", "copied from another hub");
                if (disk.has("moment")) {
                    one.add("moment", disk.get("moment"));
                }
            }
            all.add(one);
        }
        request.add("disks", all);
        return request;
    }

    private static JsonObject opened(JsonObject opened, int key) {
        return disks(opened).stream()
                .filter(disk -> key(disk) == key)
                .findFirst()
                .orElseThrow(() -> new RestoreException.NoPlace("the other hub opened no layer for disk " + key));
    }

    private static List<JsonObject> disks(JsonObject backup) {
        return backup.getAsJsonArray("disks").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    private static int key(JsonObject disk) {
        return disk.get("key").getAsInt();
    }

    private static String text(JsonObject json, String name) {
        JsonElement value = json.get(name);
        if (value == null || !value.isJsonPrimitive()) {
            throw new RestoreException.NoPlace("a hub's answer lacks '" + name + "'; is it of another version?");
        }
        return value.getAsString();
    }

    /** Nobody is told any more that the copy lives; what was sent stays, and the same again goes on. */
    @Override
    public void close() {
        heartbeat.close();
    }
}
