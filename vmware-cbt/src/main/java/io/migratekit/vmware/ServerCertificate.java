package io.migratekit.vmware;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Which certificate does a server show? Looked at and believed by nobody: nothing is sent after it, no password
 * first of all. A person compares the fingerprints with what the server's own console shows, and pins one.
 *
 * @param subject whose it is, as it says itself
 * @param issuer who vouches for it
 */
public record ServerCertificate(
        Endpoint endpoint, Thumbprint sha1, Thumbprint sha256, String subject, String issuer, String validUntil) {
    /** Asks the server, and hangs up. */
    public static ServerCertificate of(Endpoint endpoint, VCenterLimits limits, VCenterListener listener) {
        Duration limit = limits.connect();
        listener.waiting("the certificate of " + endpoint, limit);
        Looker looker = new Looker();
        CompletableFuture<Void> shown = new CompletableFuture<>();
        Thread asking = Thread.ofPlatform().daemon().name("certificate").start(() -> {
            try {
                shake(endpoint, limit, looker);
                shown.complete(null);
            } catch (IOException | RuntimeException e) {
                shown.completeExceptionally(e);
            }
        });
        try {
            shown.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (looker.seen == null) {
                throw failure(endpoint, e.getCause() == null ? e : e.getCause());
            }
        } catch (TimeoutException e) {
            asking.interrupt();
            throw new VSphereException.NoAnswer(endpoint + " did not show a certificate within " + Tasks.words(limit));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new VSphereException.Cancelled("interrupted while waiting for the certificate of " + endpoint);
        }
        X509Certificate seen = looker.seen;
        if (seen == null) {
            throw new VSphereException.NotVSphere(endpoint + " shows no certificate", null);
        }
        return new ServerCertificate(
                endpoint,
                Thumbprint.sha1(seen),
                Thumbprint.sha256(seen),
                seen.getSubjectX500Principal().getName(),
                seen.getIssuerX500Principal().getName(),
                seen.getNotAfter().toInstant().toString());
    }

    private static void shake(Endpoint endpoint, Duration limit, Looker looker) throws IOException {
        int millis = (int) Math.min(Integer.MAX_VALUE, Math.max(1, limit.toMillis()));
        SSLContext context = Tls.context(looker);
        try (Socket plain = new Socket()) {
            plain.connect(new InetSocketAddress(endpoint.host(), endpoint.port()), millis);
            plain.setSoTimeout(millis);
            try (SSLSocket secure = (SSLSocket)
                    context.getSocketFactory().createSocket(plain, endpoint.host(), endpoint.port(), true)) {
                secure.startHandshake();
            }
        }
    }

    private static VSphereException failure(Endpoint endpoint, Throwable cause) {
        String words = cause instanceof java.net.UnknownHostException
                ? "its name is not known here"
                : String.valueOf(cause.getMessage());
        return cause instanceof SSLException
                ? new VSphereException.NotVSphere(endpoint + " does not speak TLS on this port: " + words, cause)
                : new VSphereException.Unreachable("cannot connect to " + endpoint + ": " + words, cause);
    }

    /** Keeps the certificate, and lets the handshake go on only to end it in good order. */
    private static final class Looker extends X509ExtendedTrustManager {
        private volatile @Nullable X509Certificate seen;

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable Socket socket) {
            seen = chain[0];
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine) {
            seen = chain[0];
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
            seen = chain[0];
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
