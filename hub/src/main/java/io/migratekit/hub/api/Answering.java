package io.migratekit.hub.api;

import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** How does one answer get to its client, and what does the client hear while it takes long? Interim responses (102). */
final class Answering {
    private static final int PROCESSING = 102;
    private static final String ETAG = "ETag";
    private static final int TOO_SLOW = 408;
    private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(5);

    private final Request request;
    private final Response response;
    private final Callback callback;
    private @Nullable Future<?> signs;
    private CompletableFuture<@Nullable Void> lastSign = CompletableFuture.completedFuture(null);
    private boolean answered;
    private boolean streamBroken;

    Answering(Request request, Response response, Callback callback) {
        this.request = request;
        this.response = response;
        this.callback = callback;
    }

    /** What is answered, as a log may say it: the path as it came, so that nothing in it is a line of its own. */
    String asked() {
        return request.getMethod() + " " + request.getHttpURI().getPath();
    }

    /** Begins an answer that streams out. */
    OutputStream begin(String contentType) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
        return new Outgoing(Content.Sink.asOutputStream(response), this::streamBroke);
    }

    private synchronized void streamBroke() {
        streamBroken = true;
    }

    /** Whether the client left in the middle of an answer that streamed out. */
    synchronized boolean hasClientHungUp() {
        return streamBroken;
    }

    /** From now on the client is told every few seconds that its request is being worked on. */
    synchronized void soothe(ScheduledExecutorService clock) {
        signs = clock.scheduleAtFixedRate(
                this::sign, SIGN_OF_LIFE.toMillis(), SIGN_OF_LIFE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private synchronized void sign() {
        if (!answered && lastSign.isDone() && !lastSign.isCompletedExceptionally()) {
            lastSign = response.writeInterim(PROCESSING, HttpFields.EMPTY).thenApply(_ -> null);
        }
    }

    /** Whether a sign of life could not be sent. */
    synchronized boolean isClientGone() {
        return lastSign.isCompletedExceptionally();
    }

    /** Sends the answer, once; a second one, after a failure that came late, is dropped. */
    void send(Reply reply) {
        CompletableFuture<@Nullable Void> before;
        synchronized (this) {
            if (answered) {
                return;
            }
            answered = true;
            if (signs != null) {
                signs.cancel(false);
            }
            before = lastSign;
        }
        if (reply.status() == 0) {
            callback.succeeded();
            return;
        }
        CompletableFuture<?> _ = before.whenComplete((_, _) -> {
            // Who was too slow gets no more time.
            if (reply.status() >= 400 && reply.status() != TOO_SLOW && !response.isCommitted()) {
                new Leftover(request, () -> write(reply)).takeAway();
            } else {
                write(reply);
            }
        });
    }

    private void write(Reply reply) {
        if (response.isCommitted()) {
            callback.failed(new IllegalStateException("the answer broke off"));
            return;
        }
        byte[] content = reply.content().getBytes(StandardCharsets.UTF_8);
        response.setStatus(reply.status());
        if (reply.status() == 401) {
            response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer realm=\"migratekit hub\"");
        }
        if (reply.status() >= 400 && !request.consumeAvailable()) {
            response.getHeaders().put(HttpHeader.CONNECTION, "close"); // Nobody reads what the client goes on to send.
        }
        response.getHeaders().put("X-Content-Type-Options", "nosniff");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        reply.headers().forEach(response.getHeaders()::put);
        if (reply.headers().containsKey(ETAG) && reply.headers().get(ETAG).equals(known())) {
            response.setStatus(304);
            response.write(true, ByteBuffer.allocate(0), callback);
            return;
        }
        if (reply.status() != 204) {
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, reply.contentType());
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, content.length);
        }
        response.write(true, ByteBuffer.wrap(content), callback);
    }

    /** What the client has of it already, as it says. */
    private @Nullable String known() {
        return request.getHeaders().get(HttpHeader.IF_NONE_MATCH);
    }

    /** Breaks off an answer that has begun. */
    void fail(Throwable failure) {
        synchronized (this) {
            if (answered) {
                return;
            }
            answered = true;
            if (signs != null) {
                signs.cancel(false);
            }
        }
        callback.failed(failure);
    }
}
