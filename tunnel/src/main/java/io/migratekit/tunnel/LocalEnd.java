package io.migratekit.tunnel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How do bytes reach a client that may be slow, without anybody waiting for it? {@link #offer} writes
 * what the socket takes at once, which is nearly always everything; the rest is kept, and a thread
 * that is started for the purpose writes it as the client reads. How much can be kept is bounded by
 * the window: {@code gone} tells how many bytes are off our hands, and only those are asked for again.
 */
final class LocalEnd implements AutoCloseable {
    private static final int WAIT_MILLIS = 200;
    /** More than a client says before it has heard anything. */
    private static final int EARLY_BYTES = 4096;

    private final SocketChannel socket;
    private final String name;
    private final IntConsumer gone;
    private final Selector readable;
    private final Object lock = new Object();
    private final Deque<ByteBuffer> backlog = new ArrayDeque<>();
    /** What the client said before it was led anywhere; only the thread that reads knows it. */
    private final ByteBuffer early = ByteBuffer.allocate(EARLY_BYTES);

    private @Nullable Thread drain;
    private boolean ending;
    private volatile boolean closed;

    LocalEnd(SocketChannel socket, String name, IntConsumer gone) throws IOException {
        this.socket = socket;
        this.name = name;
        this.gone = gone;
        socket.configureBlocking(false);
        this.readable = Selector.open();
        socket.register(readable, SelectionKey.OP_READ);
    }

    /** Reads what the client sends; 0 when it said nothing for a while, -1 when it will say nothing more. */
    int read(ByteBuffer[] into) throws IOException {
        if (early.position() > 0) {
            return takeEarly(into[0]);
        }
        long count = socket.read(into);
        if (count != 0) {
            return (int) count;
        }
        readable.select(WAIT_MILLIS);
        readable.selectedKeys().clear();
        if (closed) {
            throw new ClosedChannelException();
        }
        return (int) socket.read(into);
    }

    private int takeEarly(ByteBuffer into) {
        early.flip();
        int count = Math.min(early.remaining(), into.remaining());
        into.put(early.slice(early.position(), count));
        early.position(early.position() + count).compact();
        return count;
    }

    /** Whether the client has hung up without having said anything; what it says while it waits is kept. */
    boolean hasLeft() throws IOException {
        return early.hasRemaining() && socket.read(early) < 0 && early.position() == 0;
    }

    /** Takes all these bytes and never blocks. */
    void offer(byte[] bytes, int offset, int length) throws IOException {
        int written = 0;
        synchronized (lock) {
            if (backlog.isEmpty()) {
                written = socket.write(ByteBuffer.wrap(bytes, offset, length));
            }
            if (written < length) {
                ByteBuffer rest = ByteBuffer.allocate(length - written);
                rest.put(bytes, offset + written, length - written).flip();
                backlog.add(rest);
                if (drain == null) {
                    drain = Thread.ofPlatform().daemon().name("drain-" + name).start(this::drain);
                }
                lock.notifyAll();
            }
        }
        if (written > 0) {
            gone.accept(written);
        }
    }

    /** When the client has got everything, it is told that nothing more will come. */
    void finish() {
        synchronized (lock) {
            ending = true;
            if (backlog.isEmpty()) {
                shutDownOutput();
            }
        }
    }

    /** Whether the client has got everything that was offered. */
    boolean isDrained() {
        synchronized (lock) {
            return backlog.isEmpty();
        }
    }

    private void drain() {
        try (Selector writable = Selector.open()) {
            socket.register(writable, SelectionKey.OP_WRITE);
            while (!closed) {
                ByteBuffer next = awaitNext();
                if (next == null) {
                    continue;
                }
                writable.select(WAIT_MILLIS);
                writable.selectedKeys().clear();
                int written = socket.write(next);
                if (written > 0) {
                    written(next);
                    gone.accept(written);
                }
            }
        } catch (IOException e) {
            close(); // The client is gone; whoever reads from it will notice.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private @Nullable ByteBuffer awaitNext() throws InterruptedException {
        synchronized (lock) {
            while (backlog.isEmpty() && !closed) {
                lock.wait(WAIT_MILLIS);
            }
            return backlog.peek();
        }
    }

    private void written(ByteBuffer buffer) {
        if (buffer.hasRemaining()) {
            return;
        }
        synchronized (lock) {
            backlog.remove();
            if (backlog.isEmpty() && ending) {
                shutDownOutput();
            }
        }
    }

    private void shutDownOutput() {
        try {
            socket.shutdownOutput();
        } catch (IOException e) {
            // The client is gone; it needs no farewell.
        }
    }

    /** Ends both directions at once; what the client has not got yet is lost. Does not block. */
    @Override
    public void close() {
        closed = true;
        try {
            socket.close();
            readable.close();
        } catch (IOException e) {
            // It is gone, which was the point.
        }
    }
}
