package io.migratekit.agent.copy;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;

/**
 * What is to be copied, and how? Everything but the ranges, which need the size of the disk.
 *
 * @param connect limits of the single waits and the deadline
 * @param hash whether every piece is hashed when it is read
 * @param verify whether the target is read again at the end and compared
 * @param destinationIsZero the user says so; it is proved, else the copy is refused
 */
public record CopySpec(
        NbdUri source,
        NbdUri target,
        ConnectSpec connect,
        CopyLimits limits,
        boolean hash,
        boolean verify,
        boolean destinationIsZero) {

    public CopySpec {
        if (verify && !hash) {
            throw new IllegalArgumentException("without hashes there is nothing to verify with");
        }
    }

    /** The same, but the target is asked where it reads as zero. */
    public CopySpec withoutDestinationIsZero() {
        return new CopySpec(source, target, connect, limits, hash, verify, false);
    }

    /** The same with another size of a unit. */
    public CopySpec withUnitBytes(long unitBytes) {
        return new CopySpec(source, target, connect, limits.withUnitBytes(unitBytes), hash, verify, destinationIsZero);
    }
}
