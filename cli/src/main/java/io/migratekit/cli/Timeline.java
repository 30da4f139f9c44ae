package io.migratekit.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobEntry;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.JournalLine;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What happened to a job, at the agent and at the hub, in the order of time, and where does it stand? */
final class Timeline {
    private static final int MOST_LINES = 10_000;

    private final List<Step> steps = new ArrayList<>();
    private final List<Step> now = new ArrayList<>();

    /**
     * One thing that happened.
     *
     * @param where agent, a disk of the agent's, or hub
     */
    record Step(Instant time, String where, String what) {}

    /** What happened, oldest first. */
    List<Step> steps() {
        return steps.stream().sorted(Comparator.comparing(Step::time)).toList();
    }

    /** What is awaited this moment, the one in whose hands it is first; nothing if the job is not under way. */
    List<Step> standsHere() {
        return List.copyOf(now);
    }

    boolean isEmpty() {
        return steps.isEmpty();
    }

    private void add(@Nullable Instant time, String where, String what) {
        if (time != null) {
            steps.add(new Step(time, where, what));
        }
    }

    // ---- the agent's side

    void agent(JobStore store, JobId id) {
        Optional<JobView> job = store.view(id);
        if (job.isEmpty()) {
            return;
        }
        journal(store, id, "agent");
        JobStore disks = store.within(id);
        for (JobEntry disk : disks.list()) {
            journal(disks, disk.id(), "disk " + disk.id());
        }
        if (job.get().live()) {
            store.status(id)
                    .map(text -> JsonParser.parseString(text).getAsJsonObject())
                    .ifPresent(this::awaited);
        } else if (job.get().state() instanceof JobState.Running) {
            add(
                    lastSign(job.get(), store.status(id)),
                    "agent",
                    "last sign of life; its process is gone without a word: killed, or its machine went down");
        }
    }

    /** The dead do not say when they died: it was after the last that they wrote, in whichever file. */
    private Instant lastSign(JobView job, Optional<String> status) {
        List<Instant> signs = new ArrayList<>(List.of(job.updated()));
        steps.forEach(step -> signs.add(step.time()));
        Optional.ofNullable(new JobText(job, status, Instant.now()).at()).ifPresent(signs::add);
        return Collections.max(signs);
    }

    private void awaited(JsonObject status) {
        if (status.get("wait") instanceof JsonObject wait && wait.has("what")) {
            now.add(new Step(
                    Instant.parse(wait.get("since").getAsString()),
                    "agent",
                    "waits for " + wait.get("what").getAsString()));
        } else if (status.has("at")) {
            now.add(new Step(Instant.parse(status.get("at").getAsString()), "agent", "copies"));
        }
    }

    private void journal(JobStore store, JobId id, String where) {
        boolean runs = false;
        for (JournalLine line : store.journal(id, MOST_LINES)) {
            add(
                    line.time(),
                    where,
                    words(line)
                            + (line.begins() && runs
                                    ? "; the run before noted no end: killed, or its machine went down"
                                    : ""));
            runs = line.begins() || (runs && !line.ends());
        }
    }

    private static String words(JournalLine line) {
        String message = line.details().getOrDefault("message", line.details().getOrDefault("reason", ""));
        return switch (line.event()) {
            case "told" -> message;
            case "started" -> "begins";
            case "resumed" -> "goes on, run " + line.details().getOrDefault("attempt", "?");
            case "finished" -> "is finished";
            case "checkpoint" -> "all disks are copied";
            case "reconnected" ->
                line.details().getOrDefault("worker", "?") + " connects again: "
                        + line.details().getOrDefault("because", "?");
            case "progress-cut" ->
                "the end of its record was torn, " + line.details().getOrDefault("bytes", "?")
                        + " bytes: what they told of is copied again";
            case "failed" -> "failed with " + line.details().getOrDefault("exitCode", "?") + ": " + message;
            default -> line.event() + (message.isEmpty() ? details(line) : ": " + message);
        };
    }

    private static String details(JournalLine line) {
        return line.details().isEmpty() ? "" : " " + line.details();
    }

    // ---- the hub's side

    /** What the hub's queue knows of it. */
    void queue(JsonObject job) {
        add(time(job, "askedAt"), "hub", "asked for by " + HubText.text(job, "askedBy"));
        if (job.has("agent")) {
            add(
                    time(job, "begunAt"),
                    "hub",
                    "given to agent " + HubText.text(job, "agent") + ", attempt " + HubText.text(job, "attempt"));
        }
        if (job.has("endedAt")) {
            add(
                    time(job, "endedAt"),
                    "hub",
                    "the agent said that it ended with " + (job.has("code") ? HubText.text(job, "code") : "?"));
        }
        if (job.has("waitsFor")) {
            now.addFirst(new Step(
                    Objects.requireNonNullElse(time(job, "askedAt"), Instant.EPOCH),
                    "hub",
                    "has not begun it: " + HubJobs.why(job)));
        }
    }

    /** What it keeps of it. */
    void backup(JsonObject backup) {
        add(time(backup, "startedAt"), "hub", "opened a layer for each disk");
        add(time(backup, "takenAt"), "vCenter", "the moment that the restore point is of");
        add(time(backup, "heardAt"), "hub", "heard the agent last");
        if (backup.get("work") instanceof JsonObject work) {
            Instant since = time(work, "since");
            now.addFirst(new Step(
                    since == null ? Instant.now() : since,
                    "hub",
                    HubText.text(work, "step") + (work.has("disk") ? " disk " + HubText.text(work, "disk") : "") + ", "
                            + Sizes.rounded(HubText.number(work, "doneBytes")) + " of "
                            + Sizes.rounded(HubText.number(work, "totalBytes"))));
        }
        add(time(backup, "sealedAt"), "hub", "proved and sealed");
        if (backup.has("damage")) {
            add(time(backup, "sealedAt"), "hub", "is known to be damaged; `migratekit hub show` says where");
        }
    }

    private static @Nullable Instant time(JsonObject json, String name) {
        return json.has(name) ? Instant.parse(HubText.text(json, name)) : null;
    }

    // ---- how it looks

    /** Since the first step, as people read it. */
    static String after(Instant first, Instant time) {
        return Durations.show(Duration.between(first, time));
    }
}
