package io.migratekit.nbd;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which TLS connections can be trusted with this libnbd? Sees to it that a foreign authority and a
 * wrong host name are rejected on every road, and refuses the roads on which libnbd would not.
 */
record TlsRules(NbdUri uri, Handle handle) {
    /** Prepares the handle for a TLS connection; throws when it could not be trusted. */
    void prepare(NbdUri.Tls tls) {
        if (!handle.canTls()) {
            throw new NbdException.TlsFailed(uri + ": this libnbd was built without TLS.");
        }
        if (tls.pskFile().isPresent() && !Files.isReadable(Path.of(tls.pskFile().get()))) {
            throw new NbdException.TlsFailed(uri + ": cannot read the keys in "
                    + tls.pskFile().get() + ". tls-psk-file=FILE names a file with a line USER:HEXKEY.");
        }
        boolean certificates = tls.pskFile().isEmpty();
        if (certificates && tls.verifyPeer()) {
            requireAuthority(tls);
            prepareHostName(tls);
        }
        handle.requireTls(tls);
    }

    /**
     * Sees to it that somebody vouches for the certificate. Without a ca-cert.pem in the folder, libnbd
     * silently falls back to the authorities of this machine, and libnbd 1.14 then accepts any
     * certificate at all (CVE-2024-7383). Which later ones do was not tried, so 1.22 is asked for here, too.
     */
    private void requireAuthority(NbdUri.Tls tls) {
        if (tls.certificates().isPresent()) {
            Path authority = Path.of(tls.certificates().get()).resolve("ca-cert.pem");
            if (!Files.isReadable(authority)) {
                throw new NbdException.TlsFailed(uri + ": cannot read " + authority
                        + ". tls-certificates=DIR names a folder with the certificate of the authority that vouches for"
                        + " the server, and client-cert.pem and client-key.pem if the server wants to know us.");
            }
        } else if (!Handle.canCheckHostNameOverSocket()) {
            throw new NbdException.TlsFailed(uri + ": without a folder of certificates, libnbd " + handle.version()
                    + " cannot be relied on to check the server's (1.22 or later can). Name a folder with the ca-cert.pem of the authority that vouches for the server"
                    + " (tls-certificates=DIR), or use keys (tls-psk-file).");
        }
    }

    /**
     * Sees to it that the certificate's owner gets checked. libnbd before 1.22 checks it only when
     * it connects by name itself; over a socket of ours it would accept anybody's.
     */
    private void prepareHostName(NbdUri.Tls tls) {
        boolean overUnix = uri.transport() instanceof NbdUri.Unix;
        if (Handle.canCheckHostNameOverSocket()) {
            String name = tls.hostName()
                    .or(() -> uri.transport() instanceof NbdUri.Tcp tcp ? Optional.of(tcp.host()) : Optional.empty())
                    .orElseThrow(() -> new NbdException.BadUri(uri
                            + ": over a unix socket nobody knows which name the certificate must bear; add"
                            + " tls-hostname=NAME, or use keys (tls-psk-file)."));
            handle.tlsHostName(name);
        } else if (overUnix || tls.hostName().isPresent()) {
            throw new NbdException.TlsFailed(uri
                    + (overUnix ? ": certificates over a unix socket" : ": tls-hostname")
                    + " need libnbd 1.22 or later; version " + handle.version()
                    + " would not check whose certificate it is shown. Use keys instead (tls-psk-file).");
        }
    }

    /** Whether libnbd has to connect by itself, because only then does it check whose certificate it is shown. */
    boolean mustConnectByName() {
        return uri.tls().isPresent()
                && uri.tls().get().pskFile().isEmpty()
                && uri.tls().get().verifyPeer()
                && !Handle.canCheckHostNameOverSocket();
    }
}
