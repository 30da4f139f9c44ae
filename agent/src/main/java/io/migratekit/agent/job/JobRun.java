package io.migratekit.agent.job;

import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * What does a run of a job remember? All that is durable, in the folder of the job, which nobody else
 * works on until this is closed. {@link JobStore#open} makes it.
 */
public final class JobRun extends RunRecord {
    static final String RUNNER = "runner.json";
    private static final String HASHES = "hashes";
    private static final long STATUS_NANOS = Duration.ofMillis(500).toNanos();
    private static final System.Logger LOG = System.getLogger(JobRun.class.getName());

    private final JobId id;
    private final Path folder;
    private final ProcessLock lock;
    private final Optional<JobState> previous;
    private final boolean isPart;
    private final Journal journal;
    private final ProgressLog progress;
    private final LiveFiles live;
    private final AtomicLong nextStatus = new AtomicLong(System.nanoTime());
    private JobDocument document;
    private boolean ended;
    private volatile boolean complained;

    /** Takes over the lock; on a failure the caller still has it. */
    JobRun(JobId id, Path folder, ProcessLock lock, JobDocument document, Optional<JobState> previous, boolean isPart)
            throws IOException {
        this.id = id;
        this.folder = folder;
        this.lock = lock;
        this.document = document;
        this.previous = previous;
        this.isPart = isPart;
        this.live = new LiveFiles(folder);
        live.clear();
        Runner.current(document.updated()).write(folder.resolve(RUNNER));
        // Before the document: where that is, the log was; should it be missing, somebody removed it.
        this.progress = ProgressLog.open(folder.resolve(ProgressLog.NAME), document.identity());
        try {
            document.write(folder);
            this.journal = new Journal(folder, Journal.LONGEST_FILE);
        } catch (IOException | RuntimeException e) {
            progress.close();
            throw e;
        }
        noteBeginning();
    }

    private void noteBeginning() {
        note(
                previous.isPresent() ? JobEvent.RESUMED : JobEvent.STARTED,
                Map.of(
                        "attempt", document.attempts(),
                        "pid", ProcessHandle.current().pid(),
                        "durableUnits", progress.size()));
        if (progress.cutBytes() > 0) {
            note(JobEvent.PROGRESS_CUT, Map.of("bytes", progress.cutBytes()));
        }
    }

    public JobId id() {
        return id;
    }

    public synchronized JobIdentity identity() {
        return document.identity();
    }

    /** How the run before this one left the job; nothing if this is the first. */
    public Optional<JobState> previous() {
        return previous;
    }

    /** The how-manieth run of the job this is; 1 is the first. */
    public synchronized int attempt() {
        return document.attempts();
    }

    /** Where further files of the job may be put, such as its hashes. */
    public Path folder() {
        return folder;
    }

    @Override
    public boolean isResumable() {
        return true;
    }

    @Override
    public boolean isDurable(long unit) {
        return progress.isDurable(unit);
    }

    @Override
    public long durableUnits() {
        return progress.size();
    }

    @Override
    public void append(List<DurableUnit> units) {
        try {
            progress.append(units);
        } catch (IOException e) {
            throw JobException.storage("job " + id + " cannot record its progress in " + folder, e);
        }
    }

    @Override
    public Iterator<DurableUnit> payloads() {
        return progress.payloads();
    }

    @Override
    public void forgetProgress() {
        tryTo("its progress log cannot be removed", () -> Files.deleteIfExists(folder.resolve(ProgressLog.NAME)));
    }

    @Override
    public Optional<Path> hashFile() {
        return Optional.of(folder.resolve(HASHES));
    }

    @Override
    public void note(JobEvent event, Map<String, ?> details) {
        journal.add(JobDocument.now(), event, details);
    }

    @Override
    public void publishStatus(Supplier<String> json) {
        long due = nextStatus.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextStatus.compareAndSet(due, now + STATUS_NANOS)) {
            publishLastStatus(json.get());
        }
    }

    @Override
    public void publishLastStatus(String json) {
        tryTo("its status cannot be published", () -> live.writeStatus(json));
    }

    @Override
    public OptionalLong requestedRate() {
        try {
            return live.readRate();
        } catch (IOException e) {
            complain("the wanted rate cannot be read", e);
            return OptionalLong.empty();
        }
    }

    @Override
    public boolean takeWhyRequest() {
        try {
            return live.takeWhyRequest();
        } catch (IOException e) {
            complain("requests cannot be read", e);
            return false;
        }
    }

    @Override
    public void answerWhy(String dump) {
        tryTo("the answer to 'why' cannot be written", () -> live.writeWhy(dump));
    }

    @Override
    public void interrupted(String reason) {
        note(JobEvent.INTERRUPTED, Map.of("reason", reason));
        tryTo("its end cannot be written down", () -> end(new JobState.Interrupted(reason)));
    }

    @Override
    public void failed(int exitCode, String message) {
        note(JobEvent.FAILED, Map.of("exitCode", exitCode, "message", message));
        tryTo("its end cannot be written down", () -> end(new JobState.Failed(exitCode, message)));
    }

    @Override
    public void finished(String reportJson) {
        try {
            end(new JobState.Finished(reportJson));
        } catch (IOException e) {
            throw JobException.storage("job " + id + " is done, but that cannot be written down in " + folder, e);
        }
        note(JobEvent.FINISHED, Map.of());
        if (!isPart) {
            // Nobody goes on with a finished job. This run can still read the log, for it has it open.
            tryTo("its progress log cannot be removed", () -> Files.deleteIfExists(folder.resolve(ProgressLog.NAME)));
        }
    }

    @Override
    public synchronized void close() {
        if (!ended) {
            interrupted("the run ended without saying how");
        }
        journal.close();
        tryTo("its progress log cannot be closed", progress::close);
        tryTo("the name of its runner cannot be removed", () -> Files.deleteIfExists(folder.resolve(RUNNER)));
        lock.close();
    }

    private synchronized void end(JobState state) throws IOException {
        ended = true;
        document = document.with(state, Instant.now());
        document.write(folder);
    }

    /** Something that is good to have but not worth failing for. */
    private interface Chore {
        void run() throws IOException;
    }

    private void tryTo(String complaint, Chore chore) {
        try {
            chore.run();
            complained = false;
        } catch (IOException e) {
            complain(complaint, e);
        }
    }

    /** Once, until it works again: a full disk would otherwise say so twice a second. */
    private void complain(String what, IOException e) {
        if (!complained) {
            complained = true;
            LOG.log(System.Logger.Level.WARNING, "job " + id + ": " + what + ": " + SafeFiles.reason(e));
        }
    }
}
