package io.migratekit.vmware;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** How is it checked that the server is the one that we believe? By a context of its own for each session. */
final class Tls {
    private Tls() {}

    /** The context that believes whom {@code trust} says, and nobody else. */
    static SSLContext context(Trust trust, Endpoint endpoint) {
        return switch (trust) {
            case Trust.Pin pin -> context(new Pinned(pin.thumbprint(), endpoint));
            case Trust.CaFile file -> context(authorities(keys(file.file())));
            case Trust.SystemCa _ -> context(authorities(null));
        };
    }

    /** The context that asks this one. */
    static SSLContext context(TrustManager... judges) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, judges, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS", e);
        }
    }

    private static TrustManager[] authorities(@Nullable KeyStore keys) {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(keys);
            return Arrays.stream(factory.getTrustManagers())
                    .map(judge -> judge instanceof X509ExtendedTrustManager extended ? new Dated(extended) : judge)
                    .toArray(TrustManager[]::new);
        } catch (GeneralSecurityException e) {
            throw new VSphereException.BadSpec("the authorities cannot be used: " + e.getMessage());
        }
    }

    private static KeyStore keys(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            KeyStore keys = KeyStore.getInstance(KeyStore.getDefaultType());
            keys.load(null, null);
            int count = 0;
            for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                keys.setCertificateEntry("authority-" + count++, authority);
            }
            if (count == 0) {
                throw new VSphereException.BadSpec("there is no certificate in " + file);
            }
            return keys;
        } catch (IOException | GeneralSecurityException e) {
            throw new VSphereException.BadSpec("cannot read certificates from " + file + ": " + e.getMessage());
        }
    }

    /** Nobody is a client of ours, so only servers are judged. */
    private abstract static class Judge extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable Socket socket)
                throws CertificateException {
            throw new CertificateException("nobody is a client of ours");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine)
                throws CertificateException {
            throw new CertificateException("nobody is a client of ours");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            throw new CertificateException("nobody is a client of ours");
        }
    }

    /**
     * Believes whom the authorities vouch for, and only within its dates: a certificate that is an authority
     * itself, as self-signed ones are, the JDK believes for ever.
     */
    private static final class Dated extends Judge {
        private final X509ExtendedTrustManager authorities;

        Dated(X509ExtendedTrustManager authorities) {
            this.authorities = authorities;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable Socket socket)
                throws CertificateException {
            authorities.checkServerTrusted(chain, type, socket);
            chain[0].checkValidity();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine)
                throws CertificateException {
            authorities.checkServerTrusted(chain, type, engine);
            chain[0].checkValidity();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            authorities.checkServerTrusted(chain, type);
            chain[0].checkValidity();
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return authorities.getAcceptedIssuers();
        }
    }

    /**
     * Believes one certificate. As an extended trust manager it is the only one asked: the JDK checks no name
     * and no date besides, which is right, for the very certificate is known.
     */
    private static final class Pinned extends Judge {
        private final Thumbprint pin;
        private final Endpoint endpoint;

        Pinned(Thumbprint pin, Endpoint endpoint) {
            this.pin = pin;
            this.endpoint = endpoint;
        }

        private void check(X509Certificate[] chain) throws CertificateException {
            if (!pin.matches(chain[0])) {
                throw new CertificateException(
                        "the certificate of " + endpoint + " is another one than pinned: expected "
                                + pin + ", but it shows SHA-1 " + Thumbprint.sha1(chain[0]) + ", SHA-256 "
                                + Thumbprint.sha256(chain[0])
                                + ". If it was renewed there, pin the new one; if not, somebody is in between");
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable Socket socket)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, @Nullable SSLEngine engine)
                throws CertificateException {
            check(chain);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(chain);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
