package io.migratekit.tunnel;

import com.jcraft.jsch.SocketFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * What moves on the socket of a link, and who can end it? jsch gets its streams from here, and the
 * raw socket stays here: closing it frees everybody who is blocked in jsch, within milliseconds,
 * which jsch's own ways of ending a session do not when the socket is full.
 */
final class Wire implements SocketFactory {
    private static final int BUFFER_BYTES = 128 * 1024;
    private static final int KEPT_BYTES = 64;

    private final SocketChannel socket;
    private final LongAdder received = new LongAdder();
    private final LongAdder sent = new LongAdder();
    private volatile String firstWords = "";
    private volatile boolean hungUp;
    private volatile BooleanSupplier hold = () -> false;
    private @Nullable Consumer<@Nullable IOException> listener;
    private boolean ended;
    private @Nullable IOException error;

    Wire(SocketChannel connected) {
        this.socket = connected;
        // The kernel's own watch is a second net: it notices a path that went dark while nothing is sent.
        set(ExtendedSocketOptions.TCP_KEEPIDLE, 10);
        set(ExtendedSocketOptions.TCP_KEEPINTERVAL, 5);
        set(ExtendedSocketOptions.TCP_KEEPCOUNT, 3);
        set(java.net.StandardSocketOptions.SO_KEEPALIVE, true);
        set(java.net.StandardSocketOptions.TCP_NODELAY, true);
    }

    /** Tells when no more can be read, with the error if there was one; at once if that is the case already. */
    void onEnd(Consumer<@Nullable IOException> newListener) {
        synchronized (received) {
            listener = newListener;
            if (!ended) {
                return;
            }
        }
        newListener.accept(error);
    }

    private void end(@Nullable IOException cause) {
        Consumer<@Nullable IOException> told;
        synchronized (received) {
            if (!ended) {
                ended = true;
                error = cause;
            }
            told = listener;
        }
        if (told != null) {
            told.accept(cause);
        }
    }

    /** Bytes that came from the server so far. */
    long received() {
        return received.sum();
    }

    /** Bytes that the kernel has taken from us so far. */
    long sent() {
        return sent.sum();
    }

    /** What the server said first, fit for a message; empty if it said nothing. */
    String firstWords() {
        return firstWords;
    }

    /** Whether the other side, or the network, has ended the conversation, and not we. */
    boolean hasHungUp() {
        return hungUp;
    }

    /** Ends the link, whatever anybody is doing with it. Does not block, and may be called again. */
    void cut() {
        try {
            socket.close();
        } catch (IOException e) {
            // It is gone, which was the point.
        }
    }

    @Override
    public Socket createSocket(String host, int port) {
        return socket.socket();
    }

    @Override
    public InputStream getInputStream(Socket ours) {
        return new Incoming();
    }

    @Override
    public OutputStream getOutputStream(Socket ours) {
        return new Outgoing();
    }

    /** Whether the thread that sends has more to send at once; asked after each packet. */
    void holdBack(BooleanSupplier moreComing) {
        hold = moreComing;
    }

    private <T> void set(SocketOption<T> option, T value) {
        try {
            socket.setOption(option, value);
        } catch (IOException | UnsupportedOperationException e) {
            // An option that this kernel lacks costs us comfort, not correctness: our own watch still holds.
        }
    }

    /** Sends several packets in one piece; jsch calls it under the lock of its session. */
    private final class Outgoing extends OutputStream {
        private final List<ByteBuffer> waiting = new ArrayList<>();

        @Override
        public void write(int one) {
            write(new byte[] {(byte) one}, 0, 1);
        }

        /** The bytes stay as they are until they are flushed: whoever holds packets back has a buffer for each. */
        @Override
        public void write(byte[] bytes, int offset, int length) {
            waiting.add(ByteBuffer.wrap(bytes, offset, length));
        }

        @Override
        public void flush() throws IOException {
            if (hold.getAsBoolean()) {
                return;
            }
            ByteBuffer[] all = waiting.toArray(ByteBuffer[]::new);
            waiting.clear();
            try {
                while (all.length > 0 && all[all.length - 1].hasRemaining()) {
                    sent.add(socket.write(all));
                }
            } catch (IOException e) {
                hungUp = hungUp || socket.isOpen();
                end(e); // jsch would only close its streams, and nobody would know why.
                throw e;
            }
        }

        @Override
        public void close() {
            cut();
        }
    }

    /** Reads much at once, and lets the kernel acknowledge at once what it read. */
    private final class Incoming extends InputStream {
        private final ByteBuffer buffer =
                ByteBuffer.allocateDirect(BUFFER_BYTES).flip();

        @Override
        public int read() throws IOException {
            return !buffer.hasRemaining() && !fill() ? -1 : buffer.get() & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            if (!buffer.hasRemaining() && !fill()) {
                return -1;
            }
            int count = Math.min(length, buffer.remaining());
            buffer.get(into, offset, count);
            return count;
        }

        private boolean fill() throws IOException {
            int count;
            try {
                count = socket.read(buffer.clear());
            } catch (IOException e) {
                buffer.flip();
                hungUp = hungUp || socket.isOpen();
                end(e);
                throw e;
            }
            buffer.flip();
            if (count < 0) {
                hungUp = true;
                end(null);
                return false;
            }
            // sshd answers under Nagle's algorithm: the rest of a reply waits for our acknowledgement, which the
            // kernel would hold back for 40 ms. It falls back by itself, so this is said again each time.
            set(ExtendedSocketOptions.TCP_QUICKACK, true);
            if (firstWords.isEmpty()) {
                firstWords = printable(buffer);
            }
            received.add(count);
            return true;
        }

        @Override
        public void close() {
            cut();
            end(null);
        }
    }

    private static String printable(ByteBuffer buffer) {
        byte[] first = new byte[Math.min(buffer.remaining(), KEPT_BYTES)];
        buffer.get(buffer.position(), first);
        String text = new String(first, StandardCharsets.ISO_8859_1);
        int line = text.indexOf('\n');
        return (line < 0 ? text : text.substring(0, line))
                .replaceAll("[^ -~]", "?")
                .strip();
    }
}
