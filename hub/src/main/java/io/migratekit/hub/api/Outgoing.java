package io.migratekit.hub.api;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Has the client left before it had all of an answer that streams out? Then it is its own affair, and no failure of the hub. */
final class Outgoing extends FilterOutputStream {
    private final Runnable onGone;

    /**
     * An answer of any length.
     *
     * @param onGone told when nothing gets through to the client any more
     */
    Outgoing(OutputStream out, Runnable onGone) {
        super(out);
        this.onGone = onGone;
    }

    private interface Step {
        void take() throws IOException;
    }

    private void noticing(Step step) throws IOException {
        try {
            step.take();
        } catch (IOException e) {
            onGone.run();
            throw e;
        }
    }

    @Override
    public void write(int one) throws IOException {
        noticing(() -> out.write(one));
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
        noticing(() -> out.write(from, offset, length));
    }

    @Override
    public void flush() throws IOException {
        noticing(out::flush);
    }

    @Override
    public void close() throws IOException {
        noticing(out::close);
    }
}
