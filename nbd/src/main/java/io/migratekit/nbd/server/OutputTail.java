package io.migratekit.nbd.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** What did the program say last? Keeps the end of its output, so that a talkative server costs no memory. */
final class OutputTail {
    private final byte[] ring;
    private long total;

    OutputTail(int keptBytes) {
        ring = new byte[keptBytes];
    }

    /** Reads until the stream ends: a program whose output nobody reads would block when the pipe is full. */
    void drain(InputStream stream) {
        byte[] chunk = new byte[4096];
        try {
            for (int length = stream.read(chunk); length >= 0; length = stream.read(chunk)) {
                append(chunk, length);
            }
        } catch (IOException streamClosed) {
            // The process has ended; what it said before is kept.
        }
    }

    private synchronized void append(byte[] chunk, int length) {
        for (int i = 0; i < length && ring.length > 0; i++) {
            ring[(int) (total++ % ring.length)] = chunk[i];
        }
    }

    /** The kept output, without white space at its ends; {@code "..."} in front if something was dropped. */
    synchronized String text() {
        if (total <= ring.length) {
            return new String(ring, 0, (int) total, StandardCharsets.UTF_8).strip();
        }
        byte[] ordered = new byte[ring.length];
        int start = (int) (total % ring.length);
        System.arraycopy(ring, start, ordered, 0, ring.length - start);
        System.arraycopy(ring, 0, ordered, ring.length - start, start);
        return "... " + new String(ordered, StandardCharsets.UTF_8).strip();
    }
}
