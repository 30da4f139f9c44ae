package io.migratekit.cli;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.PieceHash;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.DiskSource;
import io.migratekit.vmware.VddkLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Has this machine what the job needs?
 *
 * @param disksAtOnce so many are copied at once; each needs one connection at least
 * @param connections so many are open at once, all disks together, if everybody allows it
 * @param job that is planned, if it is named
 * @param diskServer with what disks are read; nothing if no source is named
 */
record MachineExam(
        JobStore store, Optional<JobId> job, long disksAtOnce, long connections, Optional<DiskServerSpec> diskServer) {
    /** What the program has open besides: libraries, files of the job, the tunnel. */
    private static final long OTHER_DESCRIPTORS = 150;
    /** Of these, what a backup cannot do without: one of two disks through SSH ran with a limit of 120, and not with 100. */
    private static final long LEAST_OTHER_DESCRIPTORS = 110;
    /** One connection to a disk has two ends, and each may be a socket pair to the tunnel. */
    private static final long DESCRIPTORS_EACH = 4;

    /** Journal, hashes and maps of a middling job. */
    private static final long LEAST_STATE_BYTES = 1 << 20;

    private static final Pattern OPEN_FILES = Pattern.compile("(?m)^Max open files +([0-9]+) .*$");
    private static final Duration SOON = Duration.ofSeconds(15);

    void look(Examiner.Exam exam) {
        var _ = exam.ask(DoctorCheck.DESCRIPTORS, SOON, this::descriptors);
        var _ = exam.ask(DoctorCheck.STATE, SOON, this::state);
        var _ = exam.ask(DoctorCheck.LIBRARIES, SOON, MachineExam::libraries);
        job.ifPresent(id -> exam.ask(DoctorCheck.JOB, SOON, () -> job(id)));
        diskServer.ifPresent(spec -> {
            var _ = exam.ask(DoctorCheck.NBDKIT, SOON, () -> nbdkit(spec));
            spec.libdir().ifPresent(libdir -> exam.ask(DoctorCheck.VDDK, SOON, () -> library(libdir)));
        });
    }

    private Answer descriptors() {
        long needed = OTHER_DESCRIPTORS + connections * DESCRIPTORS_EACH;
        String limits;
        try {
            limits = Files.readString(Path.of("/proc/self/limits"));
        } catch (IOException e) {
            return Answer.ok("the kernel does not tell the limit; the job needs about " + needed);
        }
        Matcher found = OPEN_FILES.matcher(limits);
        if (!found.find()) {
            return Answer.ok("no limit; the job needs about " + needed);
        }
        long limit = Long.parseLong(found.group(1));
        String words = "the job needs about " + needed + " open files and connections for " + connections
                + " connections to each end, and " + limit + " are allowed";
        if (limit >= needed) {
            return Answer.ok(words);
        }
        // A copy begins with one connection to each end and goes on with those that it gets.
        long least = LEAST_OTHER_DESCRIPTORS + disksAtOnce * DESCRIPTORS_EACH;
        return limit < least
                ? Answer.fail(ExitCode.LOCAL_STATE, words)
                : Answer.warn(words + ": enough for one connection for each disk at once, which takes about " + least
                        + ", but not for all");
    }

    private Answer state() {
        Path folder = store.path().toAbsolutePath();
        Path there = folder;
        while (there.getParent() != null && !Files.exists(there)) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there)) {
            return Answer.fail(ExitCode.LOCAL_STATE, there + " is no folder, so nothing can be kept in " + folder);
        }
        if (!Files.isWritable(there)) {
            return Answer.fail(ExitCode.LOCAL_STATE, "this user may not write to " + there);
        }
        try {
            long freeBytes = Files.getFileStore(there).getUsableSpace();
            return freeBytes < LEAST_STATE_BYTES
                    ? Answer.fail(
                                    ExitCode.LOCAL_STATE,
                                    "the file system of " + there + " has only " + Sizes.rounded(freeBytes)
                                            + " left, where the job is to be remembered")
                            .helpedBy("make room there, or give another --state-dir")
                    : Answer.ok(folder.toString());
        } catch (IOException e) {
            return Answer.ok(folder + ", whose free space is not told");
        }
    }

    /** Without hashes nothing is copied to a hub; who finds that out afterwards has frozen the VM in vain. */
    private static Answer libraries() {
        PieceHash _ = new PieceHash();
        return Answer.ok("libnbd " + NbdConnection.libraryVersion() + ", libxxhash");
    }

    private Answer job(JobId id) {
        Optional<JobView> known = store.view(id);
        if (known.isEmpty()) {
            return Answer.ok("it was never begun here");
        }
        JobView view = known.get();
        if (view.live()) {
            return Answer.fail(
                    ExitCode.LOCKED, "job " + id + " is running, and its connections take up what is looked at here");
        }
        return view.state() instanceof JobState.Finished
                ? Answer.warn("job " + id + " was finished before, so that the same id does nothing any more")
                        .helpedBy("give the next backup an id of its own")
                : Answer.ok("it goes on where its run before ended");
    }

    private static Answer nbdkit(DiskServerSpec spec) {
        return DiskSource.missing(spec)
                .map(words -> Answer.fail(ExitCode.LOCAL_STATE, "no disk can be read here: " + words))
                .orElseGet(() -> Answer.ok(spec.nbdkit() + " has what it takes to read disks"));
    }

    private static Answer library(Path libdir) {
        return VddkLibrary.missing(libdir)
                .map(words -> Answer.fail(ExitCode.LOCAL_STATE, "VDDK is not in " + libdir + ": " + words))
                .orElseGet(() -> Answer.ok(libdir.toString()));
    }
}
