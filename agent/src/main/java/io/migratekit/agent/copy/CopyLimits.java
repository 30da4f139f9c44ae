package io.migratekit.agent.copy;

import java.time.Duration;

/**
 * How much at once, how often, how long? Every limit of a copy besides those of the single waits.
 *
 * @param connections at most so many to each end, if the servers allow several
 * @param requests in flight on one connection
 * @param requestBytes size of one read or write; a power of two
 * @param queueBytes held by one worker's requests
 * @param checkpointBytes a resume sends at most about so much again
 * @param checkpointEvery at least so often what was done is made durable
 * @param retryFor without progress, connections are tried again for so long
 * @param extraConnect a further connection gets so long for its greeting: there may be no slot for it
 * @param givenUnitBytes the size of a unit if it is settled already, else 0
 */
public record CopyLimits(
        int connections,
        int requests,
        int requestBytes,
        long queueBytes,
        long checkpointBytes,
        Duration checkpointEvery,
        Duration retryFor,
        Duration extraConnect,
        long givenUnitBytes) {

    public static final CopyLimits DEFAULT = new CopyLimits(
            4,
            64,
            256 << 10,
            16 << 20,
            1 << 30,
            Duration.ofSeconds(30),
            Duration.ofMinutes(5),
            Duration.ofSeconds(3),
            0);

    /** Zero areas smaller than this are copied with the data around them: the usual cluster of a QCOW2 image. */
    public static final long GRAIN = 64 << 10;

    private static final long SMALLEST_UNIT = 1 << 20;
    private static final long LARGEST_UNIT = 128 << 20;

    public CopyLimits {
        if (connections < 1 || requests < 1 || Integer.bitCount(requestBytes) != 1 || requestBytes < GRAIN) {
            throw new IllegalArgumentException("limits out of range");
        }
    }

    /** The size of a unit: what is under way in all workers must fit into the checkpoint window. */
    public long unitBytes() {
        if (givenUnitBytes > 0) {
            return givenUnitBytes;
        }
        long share = Long.highestOneBit(Math.max(1, checkpointBytes / (4L * connections)));
        return Math.clamp(share, SMALLEST_UNIT, LARGEST_UNIT);
    }

    /** How many buffers of this size one worker needs. */
    public int buffers(int sizeBytes) {
        return Math.clamp(queueBytes / sizeBytes, 2, 4096);
    }

    CopyLimits withUnitBytes(long unitBytes) {
        return new CopyLimits(
                connections,
                requests,
                requestBytes,
                queueBytes,
                checkpointBytes,
                checkpointEvery,
                retryFor,
                extraConnect,
                unitBytes);
    }

    /** The same with so many connections to each end. */
    public CopyLimits withConnections(int most) {
        return new CopyLimits(
                most,
                requests,
                requestBytes,
                queueBytes,
                checkpointBytes,
                checkpointEvery,
                retryFor,
                extraConnect,
                givenUnitBytes);
    }
}
