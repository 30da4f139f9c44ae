package io.migratekit.vmware;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.Locale;

/**
 * The fingerprint of a certificate, SHA-1 (which VMware's own tools show) or SHA-256.
 *
 * @param hex lower-case hexadecimal digits without separators: 40 or 64
 */
public record Thumbprint(String hex) {
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":").withUpperCase();

    public Thumbprint {
        if (!hex.matches("[0-9a-f]{40}|[0-9a-f]{64}")) {
            throw new VSphereException.BadSpec("not a thumbprint: " + hex
                    + ". It is the certificate's SHA-1 or SHA-256: 40 or 64 hexadecimal digits, with or without colons;"
                    + " 'migratekit vmware thumbprint HOST' shows both");
        }
    }

    /** Reads what people paste: with colons, in either case, with the name of the algorithm in front. */
    public static Thumbprint parse(String text) {
        return new Thumbprint(text.strip()
                .toLowerCase(Locale.ROOT)
                .replaceFirst("^sha-?(1|256)[:=]", "")
                .replace(":", "")
                .replace(" ", ""));
    }

    public static Thumbprint sha1(X509Certificate certificate) {
        return of("SHA-1", certificate);
    }

    public static Thumbprint sha256(X509Certificate certificate) {
        return of("SHA-256", certificate);
    }

    private static Thumbprint of(String algorithm, X509Certificate certificate) {
        try {
            byte[] digest = MessageDigest.getInstance(algorithm).digest(certificate.getEncoded());
            return new Thumbprint(HexFormat.of().formatHex(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has " + algorithm, e);
        } catch (CertificateEncodingException e) {
            throw new VSphereException.Untrusted("the certificate of the server cannot be read: " + e.getMessage());
        }
    }

    /** Whether it is this certificate's. */
    public boolean matches(X509Certificate certificate) {
        return equals(hex.length() == 40 ? sha1(certificate) : sha256(certificate));
    }

    /** As vSphere's tools write it: in capitals, with colons. */
    @Override
    public String toString() {
        return COLONS.formatHex(HexFormat.of().parseHex(hex));
    }
}
