package io.migratekit.tunnel;

import java.nio.file.Path;
import java.util.List;

/** By what is the hub's SSH server known? There is deliberately no way to trust what comes first. */
public sealed interface HostKeys {
    /** By files in OpenSSH's format, hashed names included; a missing file is like an empty one. */
    record KnownHosts(List<Path> files) implements HostKeys {
        public KnownHosts {
            files = List.copyOf(files);
        }

        /** What {@code ssh} reads for this user. */
        public static KnownHosts ofUser() {
            return new KnownHosts(List.of(
                    Path.of(System.getProperty("user.home"), ".ssh", "known_hosts"),
                    Path.of("/etc/ssh/ssh_known_hosts")));
        }
    }

    /** By the fingerprint of one key, as {@code ssh-keygen -l} prints it: {@code SHA256:...} */
    record Pinned(String fingerprint) implements HostKeys {
        public Pinned {
            fingerprint = fingerprint.strip();
            if (!fingerprint.matches("SHA256:[A-Za-z0-9+/]{43}=?")) {
                throw new TunnelException.BadSpec(
                        "a fingerprint looks like SHA256: and 43 characters, as `ssh-keygen -lf"
                                + " /etc/ssh/ssh_host_ed25519_key.pub` prints it on the hub; this one does not: "
                                + fingerprint,
                        null);
            }
            fingerprint = fingerprint.endsWith("=") ? fingerprint.substring(0, 50) : fingerprint;
        }
    }
}
