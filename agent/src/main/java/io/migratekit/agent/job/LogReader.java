package io.migratekit.agent.job;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What does a log hold at an offset? Reads whole pages and keeps some, because records are asked for
 * in the order of their units: several workers' records, which lie in turns, take one call of the
 * system for a page of them, not one each.
 */
final class LogReader {
    private static final int PAGE_BYTES = 16 << 10;
    private static final int PAGES = 64;

    private final LogFile file;
    private final ByteBuffer[] pages = new ByteBuffer[PAGES];
    /** Which page of the file is in the place; -1 for none. */
    private final long[] numbers = new long[PAGES];

    private ByteBuffer bytes = ByteBuffer.allocate(4 << 10);

    LogReader(LogFile file) {
        this.file = file;
        Arrays.fill(numbers, -1);
        Arrays.fill(pages, ByteBuffer.allocate(0));
    }

    /** Takes so many bytes from the offset on to {@link #bytes}; false if the file has not so many. */
    boolean load(long offset, int count) throws IOException {
        if (count > bytes.capacity()) {
            bytes = ByteBuffer.allocate(count);
        }
        for (int done = 0; done < count; ) {
            long at = offset + done;
            int inPage = (int) (at % PAGE_BYTES);
            int part = Math.min(count - done, PAGE_BYTES - inPage);
            ByteBuffer page = page(at / PAGE_BYTES, inPage + part);
            if (page.limit() < inPage + part) {
                return false;
            }
            bytes.put(done, page, inPage, part);
            done += part;
        }
        return true;
    }

    /** What was loaded last, from index 0 on; good until the next load. */
    ByteBuffer bytes() {
        return bytes;
    }

    /** The page, with at least so many bytes if the file has them: a page at its end may have grown. */
    private ByteBuffer page(long number, int needed) throws IOException {
        int place = (int) (number % PAGES);
        if (numbers[place] != number || pages[place].limit() < needed) {
            if (pages[place].capacity() == 0) {
                pages[place] = ByteBuffer.allocate(PAGE_BYTES);
            }
            numbers[place] = -1; // While it is being overwritten, and if that fails.
            pages[place].clear().limit(0);
            file.read(number * PAGE_BYTES, pages[place]);
            numbers[place] = number;
        }
        return pages[place];
    }
}
