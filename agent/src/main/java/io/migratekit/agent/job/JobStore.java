package io.migratekit.agent.job;

import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongPredicate;

/**
 * Which jobs are there? Opens one for a run, and lets any number of onlookers see all of them, live or
 * dead, and talk to the live ones.
 */
public final class JobStore {
    private static final String LOCK = "lock";
    private static final int LOOKS = 5;

    private static final int CARRIED_AT_ONCE = 1024;

    private final Path stateDirectory;
    private final Path jobs;
    /** Whether these are parts of another job: what such a one did counts until that is done, finished or not. */
    private final boolean parts;

    /** The jobs in a state directory, which need not exist yet. */
    public JobStore(Path stateDirectory) {
        this(stateDirectory, false);
    }

    private JobStore(Path stateDirectory, boolean parts) {
        this.stateDirectory = stateDirectory.toAbsolutePath();
        this.jobs = this.stateDirectory.resolve("jobs");
        this.parts = parts;
    }

    /** The state directory. */
    public Path path() {
        return stateDirectory;
    }

    /**
     * The jobs that a job consists of, such as the disks of a VM. Their progress is kept when they have finished, until
     * {@link #forgetProgress}: from another moment of the disk one may have to {@linkplain #carryOver go on}.
     */
    public JobStore within(JobId id) {
        return new JobStore(folder(id), true);
    }

    /** The folder of a job, for further documents of whoever runs it. */
    public StateFolder folderOf(JobId id) {
        return new StateFolder(folder(id));
    }

    /** What is remembered of a VM from job to job. */
    public StateFolder folderOfVm(String instanceUuid) {
        if (!instanceUuid.matches("[A-Za-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("not the id of a VM: " + instanceUuid);
        }
        return new StateFolder(stateDirectory.resolve("vms").resolve(instanceUuid));
    }

    /** Whether some process runs the job right now. */
    public boolean isRunning(JobId id) {
        return livesStill(id);
    }

    /**
     * Begins a run of a job: a new one if there is none of this name, else the next run of it. Refuses
     * while another run has the job ({@link JobException.Locked}), and if it is about something else
     * ({@link JobException.Mismatch}).
     */
    public JobStart open(JobId id, JobIdentity identity) {
        Path folder = folder(id);
        try {
            SafeFiles.makeFolder(folder);
            ProcessLock lock = ProcessLock.tryAcquire(folder.resolve(LOCK)).orElseThrow(() -> locked(id));
            JobStart start = null;
            try {
                start = open(id, folder, identity, lock);
            } finally {
                if (!(start instanceof JobStart.Ready)) {
                    lock.close();
                }
            }
            return start;
        } catch (IOException e) {
            Path lock = folder.resolve(LOCK);
            if (Files.isDirectory(lock)) {
                throw new JobException.Damaged(
                        lock + " cannot be used: it is a folder, and has to be a file. Remove it; the job goes on all"
                                + " the same.",
                        e);
            }
            throw JobException.storage("job " + id + " cannot be opened in " + folder, e);
        }
    }

    /** The job of this name, if there is one. Takes no lock and changes nothing. */
    public Optional<JobView> view(JobId id) {
        try {
            return look(id);
        } catch (IOException e) {
            throw JobException.storage("job " + id + " cannot be read in " + folder(id), e);
        }
    }

    /** All jobs, the one that was touched last first. */
    public List<JobEntry> list() {
        List<JobView> readable = new ArrayList<>();
        List<JobEntry> entries = new ArrayList<>();
        for (JobId id : ids()) {
            try {
                look(id).ifPresent(readable::add);
            } catch (JobException e) {
                entries.add(new JobEntry.Unreadable(id, e.getMessage()));
            } catch (IOException e) {
                entries.add(new JobEntry.Unreadable(id, SafeFiles.reason(e)));
            }
        }
        readable.sort((a, b) -> b.updated().compareTo(a.updated()));
        entries.addAll(0, readable);
        return entries;
    }

    /** The newest lines of a job's journal, oldest first. */
    public List<JournalLine> journal(JobId id, int most) {
        try {
            return Journal.tail(folder(id), most);
        } catch (IOException e) {
            throw JobException.storage("the journal of job " + id + " cannot be read", e);
        }
    }

    /** The last status that a run of the job published, as JSON; nothing if none did. */
    public Optional<String> status(JobId id) {
        try {
            return new LiveFiles(folder(id)).readStatus();
        } catch (IOException e) {
            throw JobException.storage("the status of job " + id + " cannot be read", e);
        }
    }

    /** Asks a running job to keep to a rate in bytes per second, 0 for no limit; false if it is not running. */
    public boolean requestRate(JobId id, long bytesPerSecond) {
        if (bytesPerSecond < 0) {
            throw new IllegalArgumentException("a rate of " + bytesPerSecond);
        }
        try {
            if (!isLive(id)) {
                return false;
            }
            new LiveFiles(folder(id)).writeRate(bytesPerSecond);
            return true;
        } catch (IOException e) {
            throw JobException.storage("job " + id + " cannot be told its rate", e);
        }
    }

    /**
     * Asks a running job what it waits for. Nothing if it is not running, ends meanwhile, or does not
     * answer within the limit: then it is frozen, and that is the answer.
     */
    public Optional<String> askWhy(JobId id, Duration limit) {
        try {
            return isLive(id) ? new LiveFiles(folder(id)).askWhy(limit, () -> livesStill(id)) : Optional.empty();
        } catch (IOException e) {
            throw JobException.storage("job " + id + " cannot be asked", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    /** What a run of the job answered last, if it was ever asked, or said when it failed. */
    public Optional<String> lastWhy(JobId id) {
        try {
            return new LiveFiles(folder(id)).readWhy();
        } catch (IOException e) {
            throw JobException.storage("what job " + id + " said last cannot be read", e);
        }
    }

    private JobStart open(JobId id, Path folder, JobIdentity identity, ProcessLock lock) throws IOException {
        // The folder's own name has to be there after a power cut, too.
        SafeFiles.syncFolder(SafeFiles.parent(folder));
        Optional<JobDocument> found = JobDocument.read(folder);
        if (found.isEmpty()) {
            JobDocument first = JobDocument.first(identity, JobDocument.now());
            return new JobStart.Ready(new JobRun(id, folder, lock, first, Optional.empty(), parts));
        }
        JobDocument document = withEnd(folder, found.get());
        List<String> differences = document.identity().differencesTo(identity);
        if (!differences.isEmpty()) {
            throw new JobException.Mismatch("job " + id + " is about something else: "
                    + String.join("; ", differences)
                    + ". To go on with that job, repeat its command; for this one choose another job id.");
        }
        if (document.state() instanceof JobState.Finished finished) {
            return new JobStart.AlreadyFinished(view(id, document, false, Optional.empty()), finished);
        }
        JobDocument next = document.nextAttempt(JobDocument.now());
        return new JobStart.Ready(new JobRun(id, folder, lock, next, Optional.of(document.state()), parts));
    }

    /**
     * Lets a new job begin where another one stands: same disk, same target, but other ranges.
     * Units of the old one that are durable stay so if the new plan has nothing else to do in them. A job of the
     * new name that had begun is begun anew; the old one stays as it is.
     *
     * @param keep whether the plan for a unit is still what it was
     * @return how many units were carried over
     */
    public long carryOver(JobId from, JobId to, JobIdentity identity, LongPredicate keep) {
        Path target = folder(to);
        if (!Files.exists(folder(from))) {
            // It was decided upon, and whoever decided died before it began.
            remove(to);
            return 0;
        }
        try (ProcessLock _ = ProcessLock.tryAcquire(folder(from).resolve(LOCK)).orElseThrow(() -> locked(from))) {
            TempFiles.remove(target);
            SafeFiles.makeFolder(target);
            Optional<JobDocument> before = JobDocument.read(folder(from));
            Path log = folder(from).resolve(ProgressLog.NAME);
            if (before.isEmpty() || !Files.exists(log)) {
                return 0;
            }
            try (ProgressLog old = ProgressLog.open(log, before.get().identity());
                    ProgressLog next = ProgressLog.open(target.resolve(ProgressLog.NAME), identity)) {
                List<DurableUnit> batch = new ArrayList<>();
                for (Iterator<DurableUnit> units = old.payloads(); units.hasNext(); ) {
                    DurableUnit unit = units.next();
                    if (keep.test(unit.unit())) {
                        batch.add(unit);
                    }
                    if (batch.size() == CARRIED_AT_ONCE || !units.hasNext()) {
                        next.append(batch);
                        batch = new ArrayList<>();
                    }
                }
                return next.size();
            }
        } catch (IOException e) {
            throw JobException.storage("the progress of job " + from + " cannot be carried over to " + target, e);
        }
    }

    /** Nobody goes on from these jobs any more; what remembers how far each one was goes. */
    public void forgetProgress() {
        for (JobId id : ids()) {
            try {
                Files.deleteIfExists(folder(id).resolve(ProgressLog.NAME));
            } catch (IOException e) {
                throw JobException.storage("the progress of job " + id + " cannot be removed", e);
            }
        }
    }

    /** Removes a job that nobody runs, with all that is remembered of it. */
    public void remove(JobId id) {
        if (!Files.exists(folder(id))) {
            return;
        }
        try (ProcessLock _ = ProcessLock.tryAcquire(folder(id).resolve(LOCK)).orElseThrow(() -> locked(id))) {
            TempFiles.remove(folder(id));
        } catch (IOException e) {
            throw JobException.storage("job " + id + " cannot be removed from " + folder(id), e);
        }
    }

    /** What is to be said to a second runner. */
    public JobException.Locked locked(JobId id) {
        Path folder = folder(id);
        String by = Runner.read(folder.resolve(JobRun.RUNNER))
                .map(runner -> runner.canBeSeen()
                        ? "process " + runner.pid() + " since " + runner.since()
                        : "another process, which cannot be seen from here")
                .orElse("another process");
        return new JobException.Locked("job " + id + " is being run by " + by
                + ". Wait for it, or look at it with: migratekit status --job-id " + id);
    }

    private Optional<JobView> look(JobId id) throws IOException {
        Path folder = folder(id);
        boolean live = isLive(id);
        Optional<JobDocument> document = JobDocument.read(folder);
        for (int i = 0; i < LOOKS && document.isPresent(); i++) {
            // Between the two looks a run may have begun or ended; "died" is only said of what holds still.
            boolean stillLive = isLive(id);
            Optional<JobDocument> still = JobDocument.read(folder);
            if (live == stillLive && document.equals(still)) {
                break;
            }
            live = stillLive;
            document = still;
        }
        Optional<Runner> runner = live ? Runner.read(folder.resolve(JobRun.RUNNER)) : Optional.empty();
        boolean isLive = live;
        if (!live && document.isPresent()) {
            document = Optional.of(withEnd(folder, document.get()));
        }
        return document.map(found -> view(id, found, isLive, runner));
    }

    /** Of a run that is over: its end, also where a full disk took that only into the journal. */
    private static JobDocument withEnd(Path folder, JobDocument document) {
        if (!(document.state() instanceof JobState.Running running)) {
            return document;
        }
        try {
            return Journal.lastEnd(folder, running.since())
                    .map(end -> document.with(end.state(), end.time()))
                    .orElse(document);
        } catch (IOException e) {
            return document; // Nothing depends on a journal.
        }
    }

    private static JobView view(JobId id, JobDocument document, boolean live, Optional<Runner> runner) {
        return new JobView(
                id,
                document.identity(),
                document.state(),
                runner,
                live,
                document.attempts(),
                document.created(),
                document.updated());
    }

    private boolean isLive(JobId id) throws IOException {
        return ProcessLock.isHeld(folder(id).resolve(LOCK));
    }

    private boolean livesStill(JobId id) {
        try {
            return isLive(id);
        } catch (IOException e) {
            return false;
        }
    }

    private List<JobId> ids() {
        List<JobId> ids = new ArrayList<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(jobs)) {
            for (Path folder : folders) {
                String name = Objects.toString(folder.getFileName());
                if (JobId.isValid(name) && Files.isDirectory(folder)) {
                    ids.add(new JobId(name));
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw JobException.storage("the jobs in " + jobs + " cannot be listed", e);
        }
        Collections.sort(ids);
        return ids;
    }

    private Path folder(JobId id) {
        return jobs.resolve(id.text());
    }
}
