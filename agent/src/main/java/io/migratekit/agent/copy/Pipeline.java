package io.migratekit.agent.copy;

import io.migratekit.agent.copy.Ends.Wire;
import io.migratekit.agent.plan.CopyStep;
import io.migratekit.nbd.BufferPool;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.proof.Zeroes;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How does data get from one end to the other? As many reads as limits allow are in flight; the answer
 * to each becomes writes from the very same buffer, or zeroes where there is nothing but zeroes in it.
 */
final class Pipeline {
    /** A request that fails in a way that may pass is made so often, with a growing pause in between. */
    private static final int ATTEMPTS = 3;

    private static final long PAUSE_NANOS = 1_000_000_000;
    private static final int EIO = 5;
    private static final int ENOMEM = 12;
    /** A server that is being stopped says so before it closes the connection. */
    static final int ESHUTDOWN = 108;

    private static final Set<Integer> MAY_PASS = Set.of(EIO, ENOMEM);

    /** What a request is about; the tag by which its answer is understood, and by which it can be made again. */
    abstract static sealed class Operation {
        final ActiveUnit unit;
        final ByteRange range;
        int failures;
        private long dueNanos;

        private Operation(ActiveUnit unit, ByteRange range) {
            this.unit = unit;
            this.range = range;
        }
    }

    private static final class Read extends Operation {
        private final MemorySegment buffer;
        private @Nullable Salvage salvage;

        private Read(ActiveUnit unit, ByteRange range, MemorySegment buffer) {
            super(unit, range);
            this.buffer = buffer;
        }
    }

    private static final class Write extends Operation {
        private final MemorySegment data;
        private final Shared buffer;

        private Write(ActiveUnit unit, ByteRange range, MemorySegment data, Shared buffer) {
            super(unit, range);
            this.data = data;
            this.buffer = buffer;
        }
    }

    private static final class Zero extends Operation {
        private final boolean foundInData;

        private Zero(ActiveUnit unit, ByteRange range, boolean foundInData) {
            super(unit, range);
            this.foundInData = foundInData;
        }
    }

    /** A buffer that several writes are made from. */
    private static final class Shared {
        private final MemorySegment buffer;
        private int uses = 1;

        private Shared(MemorySegment buffer) {
            this.buffer = buffer;
        }
    }

    private final CopyRun run;
    private final Ends ends;
    private final List<Wire> readers;
    private final int requestBytes;
    private final long readAlignment;
    private final boolean targetZeroes;
    private final BufferPool buffers;
    private final PriorityQueue<Operation> toRepeat =
            new PriorityQueue<>(Comparator.comparingLong(operation -> operation.dueNanos));
    private boolean throttled;

    Pipeline(CopyRun run, Ends ends) {
        this.run = run;
        this.ends = ends;
        readers = run.isVerify() ? ends.targets() : ends.sources();
        requestBytes = run.requestBytes();
        readAlignment = reader().requestAlignment();
        targetZeroes = ends.target().is(ExportInfo.Flag.ZERO);
        buffers = new BufferPool(
                run.spec().limits().buffers(requestBytes), requestBytes + (readAlignment > 1 ? 2 * readAlignment : 0));
    }

    private ExportInfo reader() {
        return readers.getFirst().connection().info();
    }

    /** Whether the rate limit held something back since this was asked last. */
    boolean takeThrottled() {
        boolean was = throttled;
        throttled = false;
        return was;
    }

    // ---- issuing

    /** Issues as much of the unit as limits, buffers and rate allow; true when all of it has been. */
    boolean issue(ActiveUnit unit) {
        while (true) {
            CopyStep step = unit.peek(requestBytes, !targetZeroes && !run.isVerify());
            if (step == null) {
                return true;
            }
            boolean issued = switch (step) {
                case CopyStep.Copy copy -> read(unit, copy.range());
                case CopyStep.Zero zero -> zeroOrKnow(unit, zero.range());
                case CopyStep.Skip skip -> know(unit, skip.range());
            };
            if (!issued) {
                return false;
            }
            unit.issued();
        }
    }

    private boolean read(ActiveUnit unit, ByteRange piece) {
        if (isFull(Wire.leastBusy(readers))) {
            return false;
        }
        MemorySegment buffer = buffers.take();
        if (buffer == null) {
            return false;
        }
        if (!run.rate().take(piece.length())) {
            throttled = true;
            buffers.give(buffer);
            return false;
        }
        unit.pending++;
        issue(new Read(unit, piece, buffer));
        return true;
    }

    private boolean zeroOrKnow(ActiveUnit unit, ByteRange range) {
        if (run.isVerify()) {
            return know(unit, range);
        }
        if (isFull(Wire.leastBusy(ends.targets()))) {
            return false;
        }
        unit.hasher.ifPresent(hasher -> hasher.zero(range.offset(), range.length()));
        unit.pending++;
        issue(new Zero(unit, range, false));
        return true;
    }

    /** Nothing has to be done here, only to be remembered. */
    private boolean know(ActiveUnit unit, ByteRange range) {
        unit.hasher.ifPresent(hasher -> hasher.zero(range.offset(), range.length()));
        if (run.isVerify()) {
            unit.tally.verified(range.length());
        } else {
            unit.tally.skipped(range.length());
        }
        return true;
    }

    private boolean isFull(Wire wire) {
        return wire.inFlight() >= run.spec().limits().requests();
    }

    private void issue(Operation operation) {
        ByteRange range = operation.range;
        switch (operation) {
            case Read read -> {
                Wire wire = Wire.leastBusy(readers);
                ByteRange part = part(read);
                wire.track(wire.connection().read(bytesOf(read, part), part.offset()), read);
            }
            case Write write -> {
                Wire wire = Wire.leastBusy(ends.targets());
                wire.track(wire.connection().write(write.data, range.offset(), false), write);
            }
            case Zero zero -> {
                Wire wire = Wire.leastBusy(ends.targets());
                Request request = targetZeroes
                        ? wire.connection().zero(range.offset(), range.length(), true)
                        : wire.connection().write(run.zeroes().asSlice(0, range.length()), range.offset(), false);
                wire.track(request, zero);
            }
        }
    }

    /** What is asked for next on behalf of a read: all of it, as the server wants it cut, or what may be left of it. */
    private ByteRange part(Read read) {
        if (read.salvage != null) {
            return read.salvage.part().orElseThrow();
        }
        long from = aligned(read.range.offset());
        long to = Math.min(reader().sizeBytes(), aligned(read.range.end() + readAlignment - 1));
        return new ByteRange(from, to - from);
    }

    private MemorySegment bytesOf(Read read, ByteRange part) {
        return read.buffer.asSlice(part.offset() - aligned(read.range.offset()), part.length());
    }

    private long aligned(long offset) {
        return offset - offset % readAlignment;
    }

    // ---- answers

    /** An answer has come. */
    void answered(Wire wire, Operation operation, @Nullable NbdException failure) {
        if (failure != null) {
            failed(wire, operation, failure);
            return;
        }
        if (operation instanceof Read read && read.salvage != null) {
            read.salvage.read();
            goOn(read, read.salvage);
            return;
        }
        ActiveUnit unit = operation.unit;
        unit.pending--;
        switch (operation) {
            case Read read -> readAnswered(read);
            case Write write -> {
                unit.tally.copied(write.range.length());
                release(write.buffer);
            }
            case Zero zero when zero.foundInData -> unit.tally.zeroesInData(zero.range.length());
            case Zero zero -> unit.tally.zeroed(zero.range.length());
        }
    }

    private void failed(Wire wire, Operation operation, NbdException failure) {
        operation.failures++;
        int errno = failure instanceof NbdException.RequestFailed error ? error.errno() : 0;
        if (errno == ESHUTDOWN) {
            throw new Ends.EndLost(wire.side(), failure);
        }
        if (errno == EIO && operation instanceof Read read && maySalvage(read)) {
            salvage(read);
            return;
        }
        boolean mayPass = MAY_PASS.contains(errno);
        if (!mayPass || operation.failures >= ATTEMPTS) {
            throw run.requestFailed(wire.side(), failure, operation.failures);
        }
        run.requestRepeated(wire.side(), failure);
        operation.dueNanos = System.nanoTime() + operation.failures * PAUSE_NANOS;
        toRepeat.add(operation);
    }

    private boolean maySalvage(Read read) {
        return run.isSalvage() && !run.isVerify() && (read.salvage != null || read.failures >= ATTEMPTS);
    }

    /** What was asked for cannot be read: less of it is asked for, or zeroes stand in its place. */
    private void salvage(Read read) {
        Salvage salvage = read.salvage;
        if (salvage == null) {
            salvage = new Salvage(part(read), readAlignment);
            read.salvage = salvage;
        }
        salvage.failed().ifPresent(lost -> bytesOf(read, lost).fill((byte) 0));
        goOn(read, salvage);
    }

    private void goOn(Read read, Salvage salvage) {
        if (salvage.part().isPresent()) {
            issue(read);
            return;
        }
        if (salvage.lostBytes() > 0) {
            run.lost(read.range, salvage.lostBytes());
        }
        read.unit.pending--;
        readAnswered(read);
    }

    /** Makes those requests again whose pause is over. */
    void repeatWhatIsDue() {
        while (!toRepeat.isEmpty() && System.nanoTime() - toRepeat.peek().dueNanos >= 0) {
            issue(toRepeat.remove());
        }
    }

    boolean hasToRepeat() {
        return !toRepeat.isEmpty();
    }

    private void readAnswered(Read read) {
        ActiveUnit unit = read.unit;
        ByteRange piece = read.range;
        MemorySegment data = read.buffer.asSlice(piece.offset() - aligned(piece.offset()), piece.length());
        List<ByteRange> zeroes = unit.hasher.isPresent()
                ? unit.hasher.get().data(piece.offset(), data)
                : Zeroes.leaves(piece.offset(), data);
        if (run.isVerify()) {
            unit.tally.verified(piece.length());
            buffers.give(read.buffer);
            return;
        }
        Shared shared = new Shared(read.buffer);
        long position = piece.offset();
        for (ByteRange zero : zeroes) {
            write(unit, piece, data, position, zero.offset(), shared);
            zeroesFound(unit, zero);
            position = zero.end();
        }
        write(unit, piece, data, position, piece.end(), shared);
        release(shared);
    }

    private void write(ActiveUnit unit, ByteRange piece, MemorySegment data, long from, long to, Shared shared) {
        if (from == to) {
            return;
        }
        shared.uses++;
        unit.pending++;
        issue(new Write(unit, new ByteRange(from, to - from), data.asSlice(from - piece.offset(), to - from), shared));
    }

    private void zeroesFound(ActiveUnit unit, ByteRange part) {
        if (unit.isZeroAtTarget(part)) {
            unit.tally.zeroesInData(part.length());
        } else {
            unit.pending++;
            issue(new Zero(unit, part, true));
        }
    }

    private void release(Shared shared) {
        if (--shared.uses == 0) {
            buffers.give(shared.buffer);
        }
    }

    /** Frees the buffers; the connections must be closed by then. */
    void close() {
        buffers.abandon();
    }
}
