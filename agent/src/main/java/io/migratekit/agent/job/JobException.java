package io.migratekit.agent.job;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Why is there no job to work on, or no way to remember its progress? Messages are sentences for a person. */
public abstract sealed class JobException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private JobException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Never null: a failure without words would be half a silence. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** The name of a job cannot be used: the user's mistake. */
    public static final class BadId extends JobException {
        private static final long serialVersionUID = 1L;

        BadId(String message) {
            super(message, null);
        }
    }

    /** The list of ranges cannot be understood: the user's mistake. */
    public static final class BadRanges extends JobException {
        private static final long serialVersionUID = 1L;

        BadRanges(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** Another run works on this job right now. */
    public static final class Locked extends JobException {
        private static final long serialVersionUID = 1L;

        Locked(String message) {
            super(message, null);
        }
    }

    /** There is a job of this name, but it is about something else. */
    public static final class Mismatch extends JobException {
        private static final long serialVersionUID = 1L;

        Mismatch(String message) {
            super(message, null);
        }
    }

    /** What is on disk is not what this program wrote there. */
    public static final class Damaged extends JobException {
        private static final long serialVersionUID = 1L;

        Damaged(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** The state directory cannot be read or written: full, forbidden, read-only, broken. */
    public static final class Storage extends JobException {
        private static final long serialVersionUID = 1L;

        Storage(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** A failure of the file system, in words: what could not be done, why, and what helps. */
    public static Storage storage(String what, IOException cause) {
        return new Storage(what + ": " + SafeFiles.reason(cause) + remedy(cause), cause);
    }

    /** A document of a job makes no sense. */
    public static Damaged damaged(Path document, String why) {
        return new Damaged(
                document + " cannot be used: " + why + ". To begin the job anew, remove the folder "
                        + SafeFiles.parent(document) + ".",
                null);
    }

    /** The hashes of a finished copy could not be written down; the run is not finished before they are. */
    public static Storage hashes(IOException cause) {
        return storage("the hashes of what was copied cannot be recorded", cause);
    }

    private static String remedy(IOException cause) {
        String reason = SafeFiles.reason(cause).toLowerCase(Locale.ROOT);
        if (reason.contains("no space left") || reason.contains("quota")) {
            return ". Make room and run the same command again: it goes on from the last checkpoint.";
        }
        if (reason.contains("permission denied") || reason.contains("read-only")) {
            return ". Run as the user whom the state belongs to, or choose another place with --state-dir.";
        }
        return ".";
    }
}
