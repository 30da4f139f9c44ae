package io.migratekit.vmware.soap;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;

/**
 * One question over HTTPS, one answer: the whole of it within its time and its size. The limit of the JDK's
 * client ends with the headers, so the wait is ours. A POST is sent once, whatever happens.
 */
final class Http implements AutoCloseable {
    private final SoapSpec spec;
    private final String where;
    private final HttpClient client;
    private volatile @Nullable X509Certificate shown;

    /** What came. */
    record Answer(int status, List<String> cookies, int bytes, InputStream body) {}

    Http(SoapSpec spec) {
        this.spec = spec;
        this.where = spec.sdk().getAuthority();
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(spec.limits().connect())
                .sslContext(spec.tls())
                .build();
    }

    Answer post(String method, String soapAction, @Nullable String cookie, String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(spec.sdk())
                .header("Content-Type", "text/xml; charset=utf-8")
                .header("SOAPAction", soapAction)
                .POST(HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8));
        if (cookie != null) {
            request.header("Cookie", cookie);
        }
        Duration limit = spec.limits().call();
        String wait = "the answer of " + where + " to " + method;
        spec.waits().waiting(wait, limit);
        Counted counted = new Counted(spec.limits().answerBytes());
        CompletableFuture<HttpResponse<byte[]>> pending = client.sendAsync(request.build(), counted);
        try {
            HttpResponse<byte[]> response = pending.get(limit.toNanos(), TimeUnit.NANOSECONDS);
            shown = certificate(response);
            return new Answer(
                    response.statusCode(),
                    response.headers().allValues("set-cookie"),
                    response.body().length,
                    new ByteArrayInputStream(response.body()));
        } catch (TimeoutException e) {
            throw new SoapException.NoAnswer(
                    where + " did not answer " + method + " within " + limit.toMillis() + " ms: " + counted.progress());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoapException.Interrupted(
                    "interrupted while waiting for the answer of " + where + " to " + method);
        } catch (ExecutionException e) {
            throw failure(method, e.getCause() == null ? e : e.getCause(), counted);
        } finally {
            pending.cancel(true);
            spec.waits().waited(wait);
        }
    }

    /** The certificate that the server has shown, and that was believed, with its last answer. */
    Optional<X509Certificate> certificate() {
        return Optional.ofNullable(shown);
    }

    private static @Nullable X509Certificate certificate(HttpResponse<byte[]> response) {
        try {
            return response.sslSession().orElseThrow().getPeerCertificates()[0] instanceof X509Certificate leaf
                    ? leaf
                    : null;
        } catch (SSLPeerUnverifiedException e) {
            return null; // Without a certificate there would have been no answer.
        }
    }

    private SoapException failure(String method, Throwable cause, Counted counted) {
        boolean connecting = false;
        for (Throwable t = cause; t != null; t = t.getCause()) {
            switch (t) {
                case TooLong tooLong -> {
                    return new SoapException.NotVSphere(
                            "the answer of " + where + " to " + method + " is longer than " + tooLong.cap
                                    + " bytes, which is taken for a mistake",
                            cause);
                }
                case SSLException tls -> {
                    return new SoapException.Tls(TlsWords.of(where, tls), cause);
                }
                case HttpConnectTimeoutException _ -> {
                    return new SoapException.NoConnection(
                            "no connection to " + where + port() + " within "
                                    + spec.limits().connect().toMillis() + " ms",
                            cause);
                }
                case UnresolvedAddressException _, UnknownHostException _ -> {
                    return new SoapException.NoConnection("the name of " + where + " is not known here", cause);
                }
                case ConnectException _ -> connecting = true;
                default -> {}
            }
        }
        if (connecting) {
            return new SoapException.NoConnection(
                    "cannot connect to " + where + port() + ": " + words(cause, "refused, or no route"), cause);
        }
        return new SoapException.Lost(
                "the connection to " + where + " broke before the answer to " + method + " was complete ("
                        + counted.progress() + "): "
                        + words(cause, cause.getClass().getSimpleName()),
                cause);
    }

    private static String words(Throwable t, String otherwise) {
        return t.getMessage() == null ? otherwise : t.getMessage();
    }

    /** Leaves at once: waiting for connections to end in peace would be a wait without a limit. */
    @Override
    public void close() {
        client.shutdownNow();
    }

    private static final class TooLong extends IOException {
        private static final long serialVersionUID = 1L;
        private final int cap;

        TooLong(int cap) {
            super("longer than " + cap + " bytes");
            this.cap = cap;
        }
    }

    /** Takes in the body up to a cap, and knows how far it came. */
    private static final class Counted
            implements HttpResponse.BodyHandler<byte[]>, HttpResponse.BodySubscriber<byte[]> {
        private final int cap;
        private final CompletableFuture<byte[]> whole = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private volatile int status;
        private volatile int received;
        private Flow.@Nullable Subscription subscription;

        Counted(int cap) {
            this.cap = cap;
        }

        String progress() {
            return status == 0
                    ? "nothing came"
                    : "the headers came (status " + status + "), and " + received + " bytes of the body";
        }

        @Override
        public HttpResponse.BodySubscriber<byte[]> apply(HttpResponse.ResponseInfo head) {
            status = head.statusCode();
            return this;
        }

        @Override
        public CompletionStage<byte[]> getBody() {
            return whole;
        }

        @Override
        public void onSubscribe(Flow.Subscription to) {
            subscription = to;
            to.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> some) {
            for (ByteBuffer buffer : some) {
                int more = buffer.remaining();
                if (bytes.size() + more > cap) {
                    whole.completeExceptionally(new TooLong(cap));
                    if (subscription != null) {
                        subscription.cancel();
                    }
                    return;
                }
                byte[] copy = new byte[more];
                buffer.get(copy);
                bytes.writeBytes(copy);
                received = bytes.size();
            }
        }

        @Override
        public void onError(Throwable failure) {
            whole.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            whole.complete(bytes.toByteArray());
        }
    }

    /** Whoever has to open a firewall wants to read the port, also the usual one. */
    private String port() {
        return spec.sdk().getPort() < 0 ? " (port 443)" : "";
    }
}
