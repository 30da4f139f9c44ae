package io.migratekit.hub.api;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Does a content that streams in end soon enough, completely, and within its size? Otherwise it is the client's mistake. */
final class Incoming extends FilterInputStream {
    private final HttpLimits limits;
    private final long mostBytes;
    private final long startNanos = System.nanoTime();
    private long bytes;

    Incoming(InputStream in, HttpLimits limits, long mostBytes) {
        super(in);
        this.limits = limits;
        this.mostBytes = mostBytes;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        int count;
        try {
            count = in.read(into, offset, length);
        } catch (IOException e) {

            throw Problem.badRequest("the content did not come completely");
        }
        bytes += Math.max(0, count);
        if (bytes > mostBytes) {
            throw new Problem(413, "too-large", "the content has more than " + mostBytes + " bytes");
        }
        long seconds = (System.nanoTime() - startNanos) / 1_000_000_000;
        if (seconds >= limits.grace().toSeconds() && bytes < seconds * limits.bytesPerSecond() && count >= 0) {
            throw new Problem(408, "too-slow", "only " + bytes + " bytes came in " + seconds + " s");
        }
        return count;
    }

    @Override
    public long skip(long n) {
        return 0; // Whatever comes is counted.
    }
}
