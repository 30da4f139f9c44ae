package io.migratekit.vmware;

import java.nio.file.Path;

/** Whom do we believe to be the vCenter? One of these, always; never whoever answers. */
public sealed interface Trust {
    /** The server whose certificate has this SHA-1 or SHA-256 fingerprint, whatever its name. */
    record Pin(Thumbprint thumbprint) implements Trust {}

    /** A server whose certificate this file's authorities vouch for, under the name that we call it by. */
    record CaFile(Path file) implements Trust {}

    /** The same with the authorities that this machine trusts. */
    record SystemCa() implements Trust {}
}
