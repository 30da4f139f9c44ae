package io.migratekit.agent.plan;

import io.migratekit.nbd.ByteRange;

/** What is to happen to a range of the target, so that it reads as the source does? */
public sealed interface CopyStep {
    ByteRange range();

    /** Read from the source, written to the target. */
    record Copy(ByteRange range) implements CopyStep {}

    /** The source reads as zero, the target does not, or nobody knows: zeroes are written. */
    record Zero(ByteRange range) implements CopyStep {}

    /** Both ends read as zero: nothing to do. */
    record Skip(ByteRange range) implements CopyStep {}
}
