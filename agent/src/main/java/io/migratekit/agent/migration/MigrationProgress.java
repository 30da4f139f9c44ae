package io.migratekit.agent.migration;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.watch.Eta;
import io.migratekit.agent.watch.Layer;
import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** How far is the backup of a VM, what does it wait for, and since when? The sum of its disks, and what is around them. */
public final class MigrationProgress {
    private final MigrationSpec spec;
    private final List<DiskCopy> copies = new CopyOnWriteArrayList<>();
    private final Instant begun = Instant.now();
    /** What each thread waits for of vCenter or of a disk's server, the outermost first. */
    private final Map<Thread, Deque<Waited>> waits = new ConcurrentHashMap<>();

    private volatile @Nullable Generation generation;

    private record Waited(String what, Duration atMost, Instant since) {
        String words() {
            return "waits for " + what + " since "
                    + Duration.between(since, Instant.now()).toSeconds() + " s, at most " + atMost.toSeconds() + " s";
        }
    }

    MigrationProgress(MigrationSpec spec) {
        this.spec = spec;
    }

    void begun(DiskCopy copy) {
        copies.add(copy);
    }

    void waiting(String what, Duration atMost) {
        waits.computeIfAbsent(Thread.currentThread(), _ -> new ConcurrentLinkedDeque<>())
                .add(new Waited(what, atMost, Instant.now()));
    }

    void waited(String what) {
        Deque<Waited> mine = waits.get(Thread.currentThread());
        if (mine != null) {
            mine.removeIf(wait -> wait.what().equals(what));
        }
    }

    /** This thread goes on. */
    void nothingIsAwaited() {
        waits.remove(Thread.currentThread());
    }

    /** What is waited for the longest. */
    private @Nullable Waited longest() {
        return waits.values().stream()
                .map(Deque::peek)
                .filter(Objects::nonNull)
                .min(Comparator.comparing(Waited::since))
                .orElse(null);
    }

    void planned(Generation next) {
        generation = next;
    }

    /** All disks together. */
    public ProgressView view() {
        List<ProgressView> views = new ArrayList<>();
        ProgressView worst = null;
        String worstOf = "";
        double rate = 0;
        for (DiskCopy copy : copies) {
            ProgressView view = copy.job().progress();
            views.add(view);
            rate += view.bytesPerSecond();
            if (worst == null || weight(view.motion()) > weight(worst.motion())) {
                worst = view;
                worstOf = "disk " + copy.disk() + ": ";
            }
        }
        Progress.Counts counts = sum(views);
        Duration elapsed = Duration.between(begun, Instant.now());
        Waited wait = longest();
        if (wait != null || worst == null) {
            return new ProgressView(
                    counts,
                    rate,
                    Eta.of(counts, rate),
                    elapsed,
                    Motion.RESTING,
                    null,
                    wait == null ? "" : wait.words());
        }
        return new ProgressView(
                counts,
                rate,
                Eta.of(counts, rate),
                elapsed,
                worst.motion(),
                worst.layer(),
                worst.why().isEmpty() ? "" : worstOf + worst.why());
    }

    private static int weight(Motion motion) {
        return switch (motion) {
            case RESTING -> 0;
            case MOVING -> 1;
            case SLOW -> 2;
            case STALLED -> 3;
        };
    }

    private Progress.Counts sum(List<ProgressView> views) {
        long[] sum = new long[11];
        Progress.Phase phase = views.isEmpty() ? Progress.Phase.PREPARING : Progress.Phase.DONE;
        for (ProgressView view : views) {
            Progress.Counts counts = view.counts();
            // What is least far tells how far all are.
            phase = counts.phase().compareTo(phase) < 0 ? counts.phase() : phase;
            long[] figures = {
                counts.planned(), counts.durableBefore(), counts.listed(), counts.data(), counts.copied(),
                counts.zeroed(), counts.zeroesInData(), counts.skipped(), counts.resent(), counts.toVerify(),
                counts.verified()
            };
            for (int i = 0; i < sum.length; i++) {
                sum[i] += figures[i];
            }
        }
        return new Progress.Counts(
                phase,
                Math.max(sum[0], plannedBytes()),
                sum[1],
                sum[2],
                sum[3],
                sum[4],
                sum[5],
                sum[6],
                sum[7],
                sum[8],
                sum[9],
                sum[10]);
    }

    /** Disks that have not begun yet are part of what is to be done. */
    private long plannedBytes() {
        Generation now = generation;
        return now == null
                ? 0
                : now.parts().stream().mapToLong(Generation.Part::plannedBytes).sum();
    }

    /** How it stands, for machines: the fields of a copy, with all disks' workers, and the disks one by one. */
    String statusJson() {
        ProgressView view = view();
        JsonObject progress = JsonParser.parseString(view.json()).getAsJsonObject();
        JsonObject json = new JsonObject();
        json.addProperty("format", 1);
        json.addProperty("job", spec.id().text());
        json.addProperty("pid", ProcessHandle.current().pid());
        json.addProperty("source", "vmware://" + spec.vcenter().endpoint() + "/" + spec.vmPath());
        json.addProperty("target", spec.destination().text());
        json.addProperty("startedAt", begun.toString());
        json.addProperty("at", Instant.now().toString());
        for (String name : List.of("elapsedMillis", "motion", "layer", "why")) {
            json.add(name, progress.remove(name));
        }
        progress.remove("event");
        Layer layer = view.layer();
        json.addProperty("remedy", layer == null ? null : layer.remedy());
        json.add("progress", progress);
        Waited wait = longest();
        if (wait != null) {
            JsonObject fields = new JsonObject();
            fields.addProperty("what", wait.what());
            fields.addProperty("since", wait.since().toString());
            fields.addProperty("atMostSeconds", wait.atMost().toSeconds());
            json.add("wait", fields);
        }
        JsonArray workers = new JsonArray();
        JsonArray disks = new JsonArray();
        for (DiskCopy copy : copies) {
            JsonObject disk = JsonParser.parseString(copy.job().statusJson()).getAsJsonObject();
            for (JsonElement worker : disk.remove("workers").getAsJsonArray()) {
                worker.getAsJsonObject().addProperty("disk", copy.disk());
                workers.add(worker);
            }
            disk.addProperty("disk", copy.disk());
            disks.add(disk);
        }
        json.add("workers", workers);
        json.add("disks", disks);
        return json.toString();
    }

    /** What everything waits for right now, in words. */
    public String dump() {
        return dump(copy -> copy.job().dump());
    }

    /** The same of a backup that has failed: of each disk, what it waited for when it stood still last. */
    String lastDump() {
        return dump(copy -> copy.job().lastDump());
    }

    private String dump(Function<DiskCopy, String> ofDisk) {
        StringBuilder words = new StringBuilder("job ").append(spec.id()).append(": ");
        Waited wait = longest();
        words.append(wait == null ? "copies " + copies.size() + " disks" : wait.words())
                .append('\n');
        for (DiskCopy copy : copies) {
            words.append('\n').append(ofDisk.apply(copy));
        }
        return words.toString();
    }
}
