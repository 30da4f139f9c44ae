package io.migratekit.cli;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.restore.ProvedContent;
import io.migratekit.agent.restore.RestoredFile;
import io.migratekit.nbd.ByteRange;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What of a disk lies in the folder that it is to be restored to, and may it be gone on with? Only what was begun from the very
 * same content, and by us: else disks of two moments, or of two VMs, would come together.
 */
final class RestoreFolder {
    private static final String STATE = ".migratekit-restore";
    private static final String BEGUN = ".begun";
    private static final String HASHES = "hashes";

    private final StateFolder state;
    private final JobStore store;

    RestoreFolder(Path folder) {
        this.state = new StateFolder(folder.resolve(STATE));
        this.store = new JobStore(folder.resolve(STATE));
    }

    /** What is there of a disk. */
    sealed interface Before {
        /** Nothing, or a part that is gone on with. */
        record Unfinished() implements Before {}

        /** All of it; where it is not what was sealed, if it was salvaged. */
        record Finished(List<ByteRange> wrong) implements Before {}
    }

    /** Where it is remembered how far it is. */
    JobStore store() {
        return store;
    }

    static JobId job(Path file) {
        return new JobId(String.valueOf(file.getFileName()));
    }

    /**
     * Looks, and refuses what must not be gone on with.
     *
     * @param source what tells the content that is wanted from any other
     */
    Before look(Path file, ProvedContent content, String source) {
        Optional<JobView> known = store.view(job(file));
        boolean isOther =
                known.filter(view -> !view.identity().source().equals(source)).isPresent();
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            if (known.filter(view -> view.state() instanceof JobState.Finished).isEmpty()) {
                throw refused(file + " is there already and is not overwritten; remove it, or choose another folder");
            }
            if (isOther) {
                throw refused(file + " holds a disk of another restore point; choose another folder, or remove it");
            }
            return new Before.Finished(
                    content.differences(store.folderOf(job(file)).path().resolve(HASHES)));
        }
        Path partial = RestoredFile.partial(file);
        if (!Files.exists(partial, LinkOption.NOFOLLOW_LINKS)) {
            // What is remembered as done was done to a file that is not there.
            known.ifPresent(_ -> store.remove(job(file)));
        } else if (isOther) {
            throw refused(
                    partial + " is what a restore of another restore point has left; finish that one, choose another"
                            + " folder, or remove it");
        } else if (state.read(begun(file)).isEmpty() || !Files.isRegularFile(partial, LinkOption.NOFOLLOW_LINKS)) {
            throw refused(partial + " was not made by a restore into this folder, and is not overwritten; remove it, or"
                    + " choose another folder");
        }
        return new Before.Unfinished();
    }

    private static CommandFailed refused(String why) {
        return new CommandFailed(ExitCode.USAGE, why);
    }

    private static String begun(Path file) {
        return file.getFileName() + BEGUN;
    }

    /** From now on a part of this file is ours. */
    void begin(Path file) {
        state.write(begun(file), file.getFileName() + "\n");
    }

    /** All of these files are there and right: nothing is to be remembered of them. */
    void forget(List<Path> files) {
        for (Path file : files) {
            store.remove(job(file));
            state.delete(begun(file));
        }
        if (store.list().isEmpty() && state.names(BEGUN).isEmpty()) {
            state.deleteAll();
        }
    }
}
