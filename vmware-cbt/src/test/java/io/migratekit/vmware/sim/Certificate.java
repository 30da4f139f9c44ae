package io.migratekit.vmware.sim;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A certificate that a server signed for itself, written here byte by byte (DER), because that takes no tool, no
 * library and no time. It names {@code localhost} and {@code 127.0.0.1}, or another host on demand.
 */
record Certificate(X509Certificate x509, SSLContext context) {
    private static final byte[] ECDSA_SHA256 = {
        0x30, 0x0a, 0x06, 0x08, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x04, 0x03, 0x02
    };
    private static final byte[] COMMON_NAME = {0x06, 0x03, 0x55, 0x04, 0x03};
    private static final byte[] ALT_NAME = {0x06, 0x03, 0x55, 0x1d, 0x11};
    private static final byte[] BASIC_CONSTRAINTS = {0x06, 0x03, 0x55, 0x1d, 0x13};
    private static final byte[] TRUE = {0x01, 0x01, (byte) 0xff};
    private static final byte[] LOOPBACK = {127, 0, 0, 1};

    static Certificate create() {
        return create("localhost", true, Instant.now().plus(Duration.ofDays(30)));
    }

    static Certificate create(String host, boolean loopbackToo, Instant until) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair keys = generator.generateKeyPair();
            byte[] content = content(host, loopbackToo, until, keys);
            Signature signature = Signature.getInstance("SHA256withECDSA");
            signature.initSign(keys.getPrivate());
            signature.update(content);
            byte[] der = sequence(content, ECDSA_SHA256, tag(0x03, join(new byte[1], signature.sign())));
            X509Certificate x509 = (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
            return new Certificate(x509, context(keys, x509));
        } catch (GeneralSecurityException | java.io.IOException e) {
            throw new IllegalStateException("cannot make a certificate", e);
        }
    }

    private static byte[] content(String host, boolean loopbackToo, Instant until, KeyPair keys) {
        byte[] name = sequence(tag(0x31, sequence(COMMON_NAME, tag(0x0c, host.getBytes(StandardCharsets.UTF_8)))));
        byte[] dns = tag(0x82, host.getBytes(StandardCharsets.US_ASCII));
        byte[] names = sequence(loopbackToo ? join(dns, tag(0x87, LOOPBACK)) : dns);
        byte[] extensions = sequence(
                sequence(BASIC_CONSTRAINTS, TRUE, tag(0x04, sequence(TRUE))), sequence(ALT_NAME, tag(0x04, names)));
        Instant from = Instant.now().minus(Duration.ofDays(1));
        byte[] serial =
                new BigInteger(63, new SecureRandom()).add(BigInteger.ONE).toByteArray();
        return sequence(
                tag(0xa0, tag(0x02, new byte[] {2})),
                tag(0x02, serial),
                ECDSA_SHA256,
                name,
                sequence(time(from.isBefore(until) ? from : until.minusSeconds(60)), time(until)),
                name,
                keys.getPublic().getEncoded(),
                tag(0xa3, extensions));
    }

    private static SSLContext context(KeyPair keys, X509Certificate x509)
            throws GeneralSecurityException, java.io.IOException {
        char[] password = "unused".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("sim", keys.getPrivate(), password, new X509Certificate[] {x509});
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }

    private static byte[] time(Instant at) {
        String text = DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(at);
        // RFC 5280: years before 2050 as UTCTime with two digits.
        return tag(0x17, text.substring(2).getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] sequence(byte[]... parts) {
        return tag(0x30, join(parts));
    }

    private static byte[] tag(int tag, byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int length = content.length;
        if (length < 0x80) {
            out.write(length);
        } else if (length < 0x100) {
            out.write(0x81);
            out.write(length);
        } else {
            out.write(0x82);
            out.write(length >> 8);
            out.write(length);
        }
        out.writeBytes(content);
        return out.toByteArray();
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    String pem() {
        try {
            String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(x509.getEncoded());
            return "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n";
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
