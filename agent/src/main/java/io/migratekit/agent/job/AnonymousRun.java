package io.migratekit.agent.job;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * What does a run without a job id remember? What is durable, in memory, and the payloads, in a
 * nameless temporary file that goes with the process. Nobody else can see it.
 */
public final class AnonymousRun extends RunRecord {
    private final UnitSet durable = new UnitSet();
    /** Made for the first unit that has a payload. */
    private Optional<ProgressLog> payloads = Optional.empty();

    @Override
    public boolean isResumable() {
        return false;
    }

    @Override
    public boolean isDurable(long unit) {
        return durable.contains(unit);
    }

    @Override
    public long durableUnits() {
        return durable.size();
    }

    @Override
    public synchronized void append(List<DurableUnit> units) {
        List<DurableUnit> hashed =
                units.stream().filter(unit -> unit.payload().length > 0).toList();
        try {
            if (!hashed.isEmpty()) {
                if (payloads.isEmpty()) {
                    payloads = Optional.of(ProgressLog.nameless());
                }
                payloads.get().append(hashed);
            }
        } catch (IOException e) {
            throw new JobException.Storage(
                    "the hashes of this copy cannot be kept in " + System.getProperty("java.io.tmpdir") + ": "
                            + SafeFiles.reason(e)
                            + ". Make room there, use --job-id, or do without them with --no-hash.",
                    e);
        }
        units.forEach(unit -> durable.add(unit.unit()));
    }

    @Override
    public synchronized Iterator<DurableUnit> payloads() {
        return payloads.map(ProgressLog::payloads).orElseGet(Collections::emptyIterator);
    }

    @Override
    public void forgetProgress() {}

    @Override
    public Optional<Path> hashFile() {
        return Optional.empty();
    }

    @Override
    public void note(JobEvent event, Map<String, ?> details) {}

    @Override
    public void publishStatus(Supplier<String> json) {}

    @Override
    public void publishLastStatus(String json) {}

    @Override
    public OptionalLong requestedRate() {
        return OptionalLong.empty();
    }

    @Override
    public boolean takeWhyRequest() {
        return false;
    }

    @Override
    public void answerWhy(String dump) {}

    @Override
    public void interrupted(String reason) {}

    @Override
    public void failed(int exitCode, String message) {}

    @Override
    public void finished(String reportJson) {}

    @Override
    public synchronized void close() {
        try {
            if (payloads.isPresent()) {
                payloads.get().close();
            }
        } catch (IOException e) {
            System.getLogger(AnonymousRun.class.getName())
                    .log(System.Logger.Level.DEBUG, "closing a temporary file", e);
        }
    }
}
