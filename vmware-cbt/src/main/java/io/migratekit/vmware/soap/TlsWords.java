package io.migratekit.vmware.soap;

import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import javax.net.ssl.SSLException;

/** Why did TLS not come about, in words that lead to a remedy? */
final class TlsWords {
    private TlsWords() {}

    static String of(String where, SSLException failure) {
        Throwable deepest = failure;
        for (Throwable t = failure; t != null; t = t.getCause()) {
            switch (t) {
                case CertificateExpiredException e -> {
                    return "the certificate of " + where + " has expired (" + e.getMessage()
                            + "); renew it there, or pin it with --vmware-thumbprint";
                }
                case CertificateNotYetValidException e -> {
                    return "the certificate of " + where + " is not valid yet (" + e.getMessage()
                            + "); look at the clocks of both machines";
                }
                case CertPathBuilderException _ -> {
                    return "no authority that is trusted here vouches for the certificate of " + where
                            + "; name its authority with --vmware-ca-file, or pin the certificate with"
                            + " --vmware-thumbprint ('migratekit vmware thumbprint HOST' shows both fingerprints)";
                }
                default -> deepest = t;
            }
        }
        String words = String.valueOf(deepest.getMessage());
        if (deepest instanceof CertificateException && words.startsWith("No ")) {
            return "the certificate of " + where + " is for another name (" + words
                    + "); call it by the name in the certificate, or pin it with --vmware-thumbprint";
        }
        if (deepest instanceof CertificateException) {
            return words;
        }
        if (words.contains("Unsupported or unrecognized SSL message")) {
            return where + " does not speak TLS on this port";
        }
        return "no agreement on encryption with " + where + ": " + words;
    }
}
