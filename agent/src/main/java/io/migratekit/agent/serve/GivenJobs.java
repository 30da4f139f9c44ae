package io.migratekit.agent.serve;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.SafeFiles;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Which jobs do we have, and what goes on in each? Their processes outlive us: whoever comes after us finds them by what is noted
 * here, and by what each has written down itself.
 */
final class GivenJobs {
    private static final String OUTPUT = "out.log";
    private static final int LAST_WORDS_BYTES = 4096;
    private static final int LONGEST_SAID = 1000;
    /** A process whose watch does not answer for so long is frozen, and that is said by saying nothing. */
    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(2);

    private static final int KILLED = 137;
    private static final int STOPPED = 143;

    private final JobStore store;
    private final Path folder;
    private final List<String> program;
    private final List<String> words;
    private final long ownBytesPerSecond;
    private final Runnable onEnd;
    private final Map<JobId, Process> children = new ConcurrentHashMap<>();
    private final Map<JobId, Long> told = new HashMap<>();
    private final Set<JobId> stopped = new HashSet<>();
    private long sharedBytesPerSecond;

    /**
     * Jobs in a state directory.
     *
     * @param program starts migratekit, when its words follow
     * @param words say how each backup is to be made
     * @param ownBytesPerSecond how fast each may be, 0 for no limit
     * @param onEnd hears whenever the process of one has ended
     */
    GivenJobs(JobStore store, List<String> program, List<String> words, long ownBytesPerSecond, Runnable onEnd) {
        this.store = store;
        this.folder = store.path().resolve("given");
        this.program = List.copyOf(program);
        this.words = List.copyOf(words);
        this.ownBytesPerSecond = ownBytesPerSecond;
        this.onEnd = onEnd;
        all().forEach(job -> job.process().ifPresent(this::tellOfEnd));
    }

    /** How fast they may be, all of them together: each gets its part, whatever it needs; 0 for no limit. */
    void share(long bytesPerSecond) {
        sharedBytesPerSecond = bytesPerSecond;
        List<JobId> running =
                all().stream().filter(this::isRunning).map(GivenJob::id).toList();
        told.keySet().retainAll(running);
        long each = rate(running.size());
        for (JobId id : running) {
            // One that we have not started was told its rate by whoever came before us, or in its words.
            Long before = told.get(id);
            boolean isNew = before == null || before != each;
            if (isNew && store.requestRate(id, each)) {
                told.put(id, each);
            }
        }
    }

    private long rate(int jobs) {
        if (sharedBytesPerSecond == 0) {
            return ownBytesPerSecond;
        }
        long each = Math.max(1, sharedBytesPerSecond / Math.max(1, jobs));
        return ownBytesPerSecond == 0 ? each : Math.min(each, ownBytesPerSecond);
    }

    private StateFolder folderOf(JobId id) {
        return new StateFolder(folder.resolve(id.text()));
    }

    /** Those that the hub was not told the end of. */
    List<GivenJob> all() {
        List<GivenJob> all = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (Stream<Path> folders = Files.list(folder)) {
                folders.sorted()
                        .forEach(one -> GivenJob.read(new StateFolder(one)).ifPresent(all::add));
            } catch (IOException e) {
                throw JobException.storage(folder + " cannot be listed", e);
            }
        }
        return all;
    }

    /** Begins it, as a process of its own. */
    void start(GivenJob job) throws IOException {
        StateFolder place = folderOf(job.id());
        job.write(place); // One that dies just after the start is found by the job's own lock.
        List<String> line = new ArrayList<>(program);
        line.addAll(List.of("migrate", "--job-id", job.id().text(), "--vmware-path", job.vm()));
        if (job.whole()) {
            line.add("--full");
        }
        line.addAll(words);
        long rate = rate((int) all().stream().filter(this::isRunning).count() + 1);
        if (rate > 0) {
            line.add("--rate=" + rate);
        }
        Process process = new ProcessBuilder(line)
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        place.path().resolve(OUTPUT).toFile()))
                .start();
        children.put(job.id(), process);
        tellOfEnd(process.toHandle());
        job.startedAs(process.toHandle()).write(place);
    }

    private void tellOfEnd(ProcessHandle process) {
        var _ = process.onExit().thenRun(onEnd);
    }

    /** What is to be said of it to the hub. */
    JsonObject report(GivenJob job) {
        JsonObject report = new JsonObject();
        report.addProperty("job", job.id().text());
        report.addProperty("vm", job.vm());
        report.addProperty("vmName", job.vmName());
        if (isRunning(job)) {
            store.status(job.id()).map(GivenJobs::waitOf).ifPresent(wait -> report.addProperty("said", wait));
        } else {
            report.addProperty("code", code(job));
            report.addProperty("said", lastWords(job));
        }
        return report;
    }

    boolean isRunning(GivenJob job) {
        return job.process().isPresent() || store.isRunning(job.id());
    }

    /** With which code it ended: as our child it tells, else what it wrote down does. */
    private int code(GivenJob job) {
        Process child = children.get(job.id());
        if (child != null && !child.isAlive()) {
            return child.exitValue();
        }
        return store.view(job.id())
                .map(view -> switch (view.state()) {
                    case JobState.Finished _ -> 0;
                    case JobState.Failed failed -> failed.exitCode();
                    case JobState.Interrupted _ -> STOPPED;
                    case JobState.Running _ -> KILLED;
                })
                .orElse(KILLED);
    }

    /** What its process says this moment; nothing of a job that we do not have. */
    Optional<JsonObject> live(JobId id) {
        return GivenJob.read(folderOf(id)).map(job -> {
            JsonObject live = new JsonObject();
            live.addProperty("job", id.text());
            live.addProperty("running", isRunning(job));
            store.status(id)
                    .ifPresent(text -> live.add("status", JsonFields.known(text).raw()));
            store.askWhy(id, ANSWERS_WITHIN).ifPresent(why -> live.addProperty("why", why));
            return live;
        });
    }

    /** What it waits for just now, as its status has it. */
    private static String waitOf(String status) {
        JsonObject json = JsonFields.known(status).raw();
        return json.get("wait") instanceof JsonObject wait && wait.has("what")
                ? shortened("waits for " + wait.get("what").getAsString() + " since "
                        + wait.get("since").getAsString())
                : "copying";
    }

    /** The last sentence that it printed. */
    private String lastWords(GivenJob job) {
        Path output = folderOf(job.id()).path().resolve(OUTPUT);
        try (RandomAccessFile file = new RandomAccessFile(output.toFile(), "r")) {
            file.seek(Math.max(0, file.length() - LAST_WORDS_BYTES));
            byte[] end = new byte[(int) (file.length() - file.getFilePointer())];
            file.readFully(end);
            return new String(end, StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .reduce((_, last) -> last)
                    .map(GivenJobs::shortened)
                    .orElse("it said nothing");
        } catch (IOException e) {
            return "what it said cannot be read: " + SafeFiles.reason(e);
        }
    }

    private static String shortened(String text) {
        return text.length() <= LONGEST_SAID ? text : text.substring(0, LONGEST_SAID) + "...";
    }

    /** Asks it to stop; its snapshot is removed first. Whether that is asked for the first time. */
    boolean stop(JobId id) {
        GivenJob.read(folderOf(id)).flatMap(GivenJob::process).ifPresent(ProcessHandle::destroy);
        return stopped.add(id);
    }

    /** The hub knows how it ended. */
    void forget(JobId id) {
        children.remove(id);
        stopped.remove(id);
        folderOf(id).deleteAll();
    }

    boolean has(JobId id) {
        return GivenJob.read(folderOf(id)).isPresent();
    }

    static JsonArray reports(List<JsonObject> reports) {
        JsonArray all = new JsonArray();
        reports.forEach(all::add);
        return all;
    }

    /** The words after which those of a command follow, as this very program was started. */
    static List<String> ourselves() throws IOException {
        List<String> line = new ArrayList<>(
                List.of(Files.readString(Path.of("/proc/self/cmdline")).split("\0", -1)));
        return List.copyOf(line.subList(0, Collections.indexOfSubList(line, List.of("agent", "serve"))));
    }

    /** Which of them were just told to have ended. */
    static Optional<JobId> ended(JsonObject report) {
        return report.has("code") ? Optional.of(new JobId(report.get("job").getAsString())) : Optional.empty();
    }
}
