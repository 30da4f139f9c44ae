package io.migratekit.agent.copy;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import java.util.Optional;

/**
 * What is to be copied, and how? Everything but the ranges, which need the size of the disk.
 *
 * @param connect limits of the single waits and the deadline
 * @param hash whether every piece is hashed when it is read
 * @param verify whether the target is read again at the end and compared
 * @param destinationIsZero the user says so; it is proved, else the copy is refused
 * @param sourceData where the source may hold data, if that is known by other means than asking it; all else is zero
 * @param proof what the source has to read as, if that is known
 */
public record CopySpec(
        NbdUri source,
        NbdUri target,
        ConnectSpec connect,
        CopyLimits limits,
        boolean hash,
        boolean verify,
        boolean destinationIsZero,
        Optional<Ranges> sourceData,
        Optional<SourceProof> proof) {

    /** A copy of which only the source itself can say where it holds data. */
    public CopySpec(
            NbdUri source,
            NbdUri target,
            ConnectSpec connect,
            CopyLimits limits,
            boolean hash,
            boolean verify,
            boolean destinationIsZero) {
        this(source, target, connect, limits, hash, verify, destinationIsZero, Optional.empty(), Optional.empty());
    }

    public CopySpec {
        if ((verify || proof.isPresent()) && !hash) {
            throw new IllegalArgumentException("without hashes there is nothing to verify with");
        }
    }

    /** The same, but the target is asked where it reads as zero. */
    public CopySpec withoutDestinationIsZero() {
        return new CopySpec(source, target, connect, limits, hash, verify, false, sourceData, proof);
    }

    /** The same with another size of a unit. */
    public CopySpec withUnitBytes(long unitBytes) {
        return new CopySpec(
                source,
                target,
                connect,
                limits.withUnitBytes(unitBytes),
                hash,
                verify,
                destinationIsZero,
                sourceData,
                proof);
    }

    /** The same, but the source is not asked for its extents. */
    public CopySpec withSourceData(Ranges ranges) {
        return new CopySpec(
                source, target, connect, limits, hash, verify, destinationIsZero, Optional.of(ranges), proof);
    }

    /** The same, but what is read has to be what this says. */
    public CopySpec withProof(SourceProof what) {
        return new CopySpec(
                source, target, connect, limits, hash, verify, destinationIsZero, sourceData, Optional.of(what));
    }
}
