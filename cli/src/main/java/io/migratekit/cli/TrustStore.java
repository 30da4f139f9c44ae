package io.migratekit.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/**
 * Whom does this machine trust? Makes the trust store of the packages' own Java runtime out of the authorities that the
 * system keeps as PEM: {@code TrustStore /etc/ssl/certs/ca-certificates.crt STORE}. The packages run it when they are
 * installed, and update-ca-certificates whenever the authorities change.
 */
public final class TrustStore {
    private TrustStore() {}

    public static void main(String[] files) throws IOException, GeneralSecurityException {
        Path store = Path.of(files[1]);
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(null, null);
        int count = 0;
        try (InputStream pem = Files.newInputStream(Path.of(files[0]))) {
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                keys.setCertificateEntry("authority-" + ++count, one);
            }
        }
        if (count == 0) {
            throw new IOException(files[0] + " holds no certificate");
        }
        // Whoever reads it meanwhile has the old one or the new one, never a half. Without a password, as the JDK's
        // own.
        Path part = Files.createTempFile(
                store.toAbsolutePath().getParent(),
                ".cacerts",
                "",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")));
        try {
            try (OutputStream out = Files.newOutputStream(part)) {
                keys.store(out, null);
            }
            Files.move(part, store, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
