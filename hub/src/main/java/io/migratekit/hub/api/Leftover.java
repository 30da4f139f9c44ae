package io.migratekit.hub.api;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;

/**
 * How does a client that is still sending get to read that it was refused? What it sends is taken and thrown away first, for a
 * little while: a connection that is closed with bytes unread is reset, and a reset overtakes the answer. Nothing if all was read.
 */
final class Leftover {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    /** Several times what JSON may have; who sends more is not looking for an answer. */
    private static final long MOST_BYTES = 16 << 20;

    private final Request request;
    private final Runnable then;
    private final AtomicBoolean isOver = new AtomicBoolean();
    private long bytes;
    private boolean isLimited;

    /** @param then answers */
    Leftover(Request request, Runnable then) {
        this.request = request;
        this.then = then;
    }

    /** No thread waits for what comes. */
    void takeAway() {
        if (request.getHeaders().contains(HttpHeader.EXPECT)) {
            end(); // It sends nothing before it is told to.
            return;
        }
        read();
    }

    private void read() {
        try {
            while (!isOver.get()) {
                Content.Chunk chunk = request.read();
                if (chunk == null) {
                    limit();
                    request.demand(this::read);
                    return;
                }
                bytes += chunk.remaining();
                boolean isLast = chunk.isLast() || Content.Chunk.isFailure(chunk);
                chunk.release();
                if (isLast || bytes > MOST_BYTES) {
                    end();
                }
            }
        } catch (IllegalStateException e) {
            end(); // Somebody else waits for what comes, and gave up.
        }
    }

    private void limit() {
        if (!isLimited) {
            isLimited = true;
            CompletableFuture.delayedExecutor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                    .execute(this::end);
        }
    }

    private void end() {
        if (isOver.compareAndSet(false, true)) {
            then.run();
        }
    }
}
