package io.migratekit.agent.job;

import java.io.IOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * What is kept for each unit, in ascending order? Goes through the units in windows of limited size:
 * for each it finds the places of the records, then reads them one by one. So it needs a few MiB,
 * however long the log is.
 */
final class PayloadIterator implements Iterator<DurableUnit> {
    private static final int WINDOW_UNITS = 1 << 19;

    private final ProgressFormat format;
    private final UnitSet durable;
    private final LogIndex index;
    private final LogReader scanner;
    private final LogReader reader;
    /** The offsets of the window's records; 0, where the header is, for none. */
    private long[] offsets = {};

    private long windowStart;
    private long next;

    PayloadIterator(LogFile file, ProgressFormat format, UnitSet durable, LogIndex index) {
        this.format = format;
        this.durable = durable;
        this.index = index;
        this.scanner = new LogReader(file);
        this.reader = new LogReader(file);
        this.next = durable.next(0);
    }

    @Override
    public boolean hasNext() {
        return next >= 0;
    }

    @Override
    public DurableUnit next() {
        if (next < 0) {
            throw new NoSuchElementException();
        }
        try {
            if (next - windowStart >= offsets.length) {
                openWindow(next);
            }
            DurableUnit unit = read(next, offsets[(int) (next - windowStart)]);
            advance();
            return unit;
        } catch (IOException e) {
            throw JobException.storage("the progress log cannot be read", e);
        }
    }

    /** To the next unit of the window that has a record; what was recorded after the window was opened has none. */
    private void advance() {
        do {
            next = durable.next(next + 1);
        } while (next >= 0 && next - windowStart < offsets.length && offsets[(int) (next - windowStart)] == 0);
    }

    private void openWindow(long start) throws IOException {
        if (offsets.length == 0) {
            offsets = new long[WINDOW_UNITS];
        }
        Arrays.fill(offsets, 0);
        windowStart = start;
        int blocks = index.count();
        for (int block = 0; block < blocks; block++) {
            if (index.mayHold(block, start, start + WINDOW_UNITS)) {
                findRecords(index.block(block));
            }
        }
    }

    private void findRecords(LogIndex.Block block) throws IOException {
        long offset = block.offset();
        while (offset < block.end()) {
            if (!scanner.load(offset, ProgressFormat.RECORD_HEADER_BYTES)) {
                throw changed(offset);
            }
            int payloadBytes = ProgressFormat.payloadBytes(scanner.bytes());
            if (!ProgressFormat.isPossible(payloadBytes)) {
                throw changed(offset);
            }
            long place = ProgressFormat.unit(scanner.bytes()) - windowStart;
            if (place >= 0 && place < offsets.length) {
                offsets[(int) place] = offset; // A later record of the same unit replaces an earlier one.
            }
            offset += ProgressFormat.recordBytes(payloadBytes);
        }
    }

    /** Checks what it reads, for a disk may forget between two readings. */
    private DurableUnit read(long unit, long offset) throws IOException {
        if (offset == 0 || !reader.load(offset, ProgressFormat.RECORD_HEADER_BYTES)) {
            throw changed(offset);
        }
        int payloadBytes = ProgressFormat.payloadBytes(reader.bytes());
        if (!ProgressFormat.isPossible(payloadBytes)
                || !reader.load(offset, ProgressFormat.recordBytes(payloadBytes))
                || !format.isIntact(reader.bytes(), offset)
                || ProgressFormat.unit(reader.bytes()) != unit) {
            throw changed(offset);
        }
        byte[] payload = new byte[payloadBytes];
        reader.bytes().get(ProgressFormat.RECORD_HEADER_BYTES, payload);
        return new DurableUnit(unit, payload);
    }

    private static JobException.Damaged changed(long offset) {
        return new JobException.Damaged(
                "the progress log changed after it was read, at offset " + offset
                        + "; its disk, or another program, altered it. Run the same command again.",
                null);
    }
}
