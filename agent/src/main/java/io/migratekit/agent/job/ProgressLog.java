package io.migratekit.agent.job;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Which units are durable, and what is kept for them? The file on which resuming rests, and the only
 * one that is never wrong: what it says is done is done, whatever was killed or cut off when.
 *
 * <p>It is only appended to. One {@link #append} is one write and one sync, and not before the sync
 * has succeeded do its units count. When the file is opened, the records from the first to the last
 * intact one before any that is not count; the rest, which nobody was ever told of, is cut off. That
 * errs on the safe side only: a unit may be done and not recorded, and is then done again.
 */
final class ProgressLog implements AutoCloseable {
    static final String NAME = "progress.log";
    private static final int WRITE_BYTES = 256 << 10;

    private final LogFile file;
    private final ProgressFormat format;
    private final Sync sync;
    private final UnitSet durable = new UnitSet();
    private final LogIndex index = new LogIndex();
    private final long cutBytes;
    private long end;
    private boolean broken;
    /** Why it is broken, if the disk was to blame. */
    private @Nullable IOException failure;

    /** Whether the log has to outlive its process. */
    private enum Sync {
        ALWAYS,
        NEVER
    }

    private ProgressLog(LogFile file, ProgressFormat format, Sync sync) throws IOException {
        this.file = file;
        this.format = format;
        this.sync = sync;
        this.end = ProgressFormat.HEADER_BYTES;
        takeIntactRecords();
        this.cutBytes = Math.max(0, file.length() - end);
        if (sync == Sync.ALWAYS) {
            cutTail();
        }
    }

    /** Opens the log of a job, or makes an empty one. One that is not of this job is {@link JobException.Damaged}. */
    static ProgressLog open(Path path, JobIdentity identity) throws IOException {
        byte[] digest = identity.digest();
        if (!Files.exists(path)) {
            byte[] header = ProgressFormat.header(new SplittableRandom().nextLong(), digest);
            SafeFiles.replace(path, header, SafeFiles.Survives.POWER_CUT);
        }
        LogFile file = LogFile.open(path);
        try {
            ByteBuffer header = ByteBuffer.allocate(ProgressFormat.HEADER_BYTES).limit(0);
            file.read(0, header);
            byte[] bytes = new byte[header.limit()];
            header.get(bytes);
            String fault = ProgressFormat.fault(bytes, digest);
            if (fault.equals(ProgressFormat.OF_ANOTHER) && !Files.exists(path.resolveSibling(JobDocument.NAME))) {
                fault += ", and " + JobDocument.NAME + ", which said to which, is missing";
            }
            if (!fault.isEmpty()) {
                throw new JobException.Damaged(
                        path + " cannot be used: " + fault + ". To begin the job anew, remove the folder "
                                + SafeFiles.parent(path) + ".",
                        null);
            }
            return new ProgressLog(file, new ProgressFormat(ProgressFormat.salt(bytes)), Sync.ALWAYS);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** A log that is gone with its process: it only keeps payloads out of memory. */
    static ProgressLog nameless() throws IOException {
        return new ProgressLog(LogFile.nameless(), new ProgressFormat(0), Sync.NEVER);
    }

    /** How much was cut off the end when the log was opened, because it was not intact. */
    long cutBytes() {
        return cutBytes;
    }

    long size() {
        return durable.size();
    }

    /** Whether the unit is recorded as durable; takes no lock. */
    boolean isDurable(long unit) {
        return durable.contains(unit);
    }

    /**
     * Records units as durable. When this returns they are recorded for good; when it fails nothing
     * can be recorded any more, because after a failed sync nobody knows what is on the disk. A unit
     * that is recorded again gets the new payload.
     */
    synchronized void append(List<DurableUnit> units) throws IOException {
        if (broken) {
            throw new IOException(
                    "an earlier write has failed" + (failure == null ? "" : ": " + SafeFiles.reason(failure)), failure);
        }
        if (units.isEmpty()) {
            return;
        }
        broken = true;
        long oldEnd = end;
        try {
            write(units);
            if (sync == Sync.ALWAYS) {
                file.sync();
            }
        } catch (IOException e) {
            failure = e;
            takeBack(oldEnd, e);
            throw e;
        }
        broken = false;
        long offset = oldEnd;
        for (DurableUnit unit : units) {
            int bytes = ProgressFormat.recordBytes(unit.payload().length);
            index.add(unit.unit(), offset, bytes);
            durable.add(unit.unit());
            offset += bytes;
        }
    }

    /**
     * The units with their payloads, in ascending order. What is recorded meanwhile may or may not be
     * among them. A failing disk is a {@link JobException.Storage}.
     */
    Iterator<DurableUnit> payloads() {
        return new PayloadIterator(file, format.another(), durable, index);
    }

    @Override
    public synchronized void close() throws IOException {
        broken = true;
        file.close();
    }

    private void takeIntactRecords() throws IOException {
        LogReader reader = new LogReader(file);
        while (reader.load(end, ProgressFormat.RECORD_HEADER_BYTES)) {
            int payloadBytes = ProgressFormat.payloadBytes(reader.bytes());
            if (!ProgressFormat.isPossible(payloadBytes)) {
                return;
            }
            int bytes = ProgressFormat.recordBytes(payloadBytes);
            if (!reader.load(end, bytes) || !format.isIntact(reader.bytes(), end)) {
                return;
            }
            long unit = ProgressFormat.unit(reader.bytes());
            index.add(unit, end, bytes);
            durable.add(unit);
            end += bytes;
        }
    }

    /** Syncs in any case: a killed run may have written records that no sync has covered. */
    private void cutTail() throws IOException {
        if (cutBytes > 0) {
            file.truncate(end);
        }
        file.sync();
    }

    private void write(List<DurableUnit> units) throws IOException {
        ByteBuffer out = ByteBuffer.allocate(WRITE_BYTES);
        for (DurableUnit unit : units) {
            int bytes = ProgressFormat.recordBytes(unit.payload().length);
            if (bytes > out.remaining()) {
                flush(out);
                if (bytes > out.capacity()) {
                    out = ByteBuffer.allocate(bytes);
                }
            }
            format.put(out, end + out.position(), unit);
        }
        flush(out);
    }

    private void flush(ByteBuffer out) throws IOException {
        file.write(end, out);
        end += out.position();
        out.clear();
    }

    private void takeBack(long oldEnd, IOException cause) {
        end = oldEnd;
        try {
            file.truncate(oldEnd);
        } catch (IOException e) {
            // Then the next one who opens it cuts it off, or finds what is true all the same.
            cause.addSuppressed(e);
        }
    }
}
