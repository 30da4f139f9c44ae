package io.migratekit.tunnel;

import java.time.Duration;

/**
 * How long may each step to the hub take, and how soon must a dead link be noticed?
 *
 * @param keepalive so often a sign of life is asked for
 * @param misses after so many intervals in which nothing at all arrived, the link is lost
 * @param unacknowledged the kernel ends a link when nothing of what we sent was acknowledged for so long: a second net
 *     below the signs of life, and the only one between two of them
 * @param doorWait a client that comes while there is no link waits for it at most so long: less than the 15 s that NBD
 *     clients usually allow for a handshake, so that they hear why rather than give up
 * @param idle a data link that nobody uses is closed after this time
 */
public record TunnelLimits(
        Duration resolve,
        Duration connect,
        Duration greeting,
        Duration keyExchange,
        Duration authentication,
        Duration forwardOpen,
        Duration keepalive,
        int misses,
        Duration unacknowledged,
        Duration doorWait,
        Duration idle) {
    private static final Duration STEP = Duration.ofSeconds(15);

    public static final TunnelLimits DEFAULT = new TunnelLimits(
            STEP,
            STEP,
            STEP,
            STEP,
            STEP,
            STEP,
            Duration.ofSeconds(5),
            3,
            Duration.ofSeconds(20),
            Duration.ofSeconds(10),
            Duration.ofSeconds(60));

    public TunnelLimits {
        if (misses < 1 || keepalive.toMillis() < 10) {
            throw new IllegalArgumentException("a keepalive of at least 10 ms and one miss at least are needed");
        }
    }

    /** The same limit for every step of making a link and a forwarded connection. */
    public TunnelLimits withTimeout(Duration limit) {
        return new TunnelLimits(
                limit, limit, limit, limit, limit, limit, keepalive, misses, unacknowledged, doorWait, idle);
    }

    public TunnelLimits withKeepalive(Duration interval, int newMisses) {
        return new TunnelLimits(
                resolve,
                connect,
                greeting,
                keyExchange,
                authentication,
                forwardOpen,
                interval,
                newMisses,
                unacknowledged,
                doorWait,
                idle);
    }

    public TunnelLimits withUnacknowledged(Duration limit) {
        return with(limit, doorWait, idle);
    }

    public TunnelLimits withDoorWait(Duration limit) {
        return with(unacknowledged, limit, idle);
    }

    public TunnelLimits withIdle(Duration limit) {
        return with(unacknowledged, doorWait, limit);
    }

    private TunnelLimits with(Duration newUnacknowledged, Duration newDoorWait, Duration newIdle) {
        return new TunnelLimits(
                resolve,
                connect,
                greeting,
                keyExchange,
                authentication,
                forwardOpen,
                keepalive,
                misses,
                newUnacknowledged,
                newDoorWait,
                newIdle);
    }

    /** While somebody waits at a door, the next attempt to make the link comes this soon after the last. */
    Duration eagerPause() {
        return doorWait.dividedBy(8);
    }

    /** After so long a silence, although a sign of life was asked for, the link is lost. */
    public Duration silence() {
        return keepalive.multipliedBy(misses);
    }

    /** The limit of the given step. */
    public Duration limitOf(Step step) {
        return switch (step) {
            case RESOLVE -> resolve;
            case CONNECT -> connect;
            case GREETING -> greeting;
            case KEY_EXCHANGE -> keyExchange;
            case AUTHENTICATION -> authentication;
            case FORWARD -> forwardOpen;
        };
    }
}
