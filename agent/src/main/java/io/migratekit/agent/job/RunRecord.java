package io.migratekit.agent.job;

import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * What does a run remember, and whom does it listen to? All that a copier sees of its job; without a
 * job id there is nothing to remember and nobody to listen to, and the copier need not know.
 *
 * <p>Everything may be called from any thread, also from an interrupted one.
 */
public abstract sealed class RunRecord implements AutoCloseable permits JobRun, AnonymousRun {

    /** Whether a next run can go on where this one ends. */
    public abstract boolean isResumable();

    /** Whether the unit is recorded as durable, by this run or an earlier one. Takes no lock. */
    public abstract boolean isDurable(long unit);

    /** How many units are. */
    public abstract long durableUnits();

    /**
     * Records units as durable: the target has answered a flush for all of them. One write and one
     * sync for the whole list; when this returns they are recorded for good. A failure is a {@link
     * JobException.Storage}, and the end of the run: it cannot record anything any more.
     */
    public abstract void append(List<DurableUnit> units);

    /**
     * What was recorded for the units, in ascending order, those of earlier runs included; with memory
     * for a few MiB. An anonymous run leaves units out whose payload is empty.
     */
    public abstract Iterator<DurableUnit> payloads();

    /** What was recorded as durable is not to be relied on: the next run begins anew. Never fails. */
    public abstract void forgetProgress();

    /** Where the hashes of the whole run belong; nowhere if the run is not remembered. */
    public abstract Optional<Path> hashFile();

    /** Notes in the journal that something happened. Details are strings, numbers or truths. Never fails. */
    public abstract void note(JobEvent event, Map<String, ?> details);

    /** Publishes how things stand, as a JSON object, if it is time to do so again: twice a second. Never fails. */
    public abstract void publishStatus(Supplier<String> json);

    /** Publishes the last word on how things stand, now. Never fails. */
    public abstract void publishLastStatus(String json);

    /** The rate in bytes per second that somebody wants from now on, 0 for no limit; nothing if nobody does. */
    public abstract OptionalLong requestedRate();

    /** Whether somebody waits for {@link #answerWhy}. To be asked at least once a second; true once per question. */
    public abstract boolean takeWhyRequest();

    /** Says what the run waits for, to all who asked. Never fails. */
    public abstract void answerWhy(String dump);

    /** The run leaves in good order before its end. Never fails, for there is a first failure to be told. */
    public abstract void interrupted(String reason);

    /** The run fails. Never fails itself. */
    public abstract void failed(int exitCode, String message);

    /** All is done. A {@link JobException.Storage} if that cannot be written down. */
    public abstract void finished(String reportJson);

    /** Lets go of the job. A run that did not say how it ended counts as interrupted. */
    @Override
    public abstract void close();
}
