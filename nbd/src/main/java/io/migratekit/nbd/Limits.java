package io.migratekit.nbd;

import java.time.Duration;

/**
 * How long may the peer be silent? One limit for each {@link Wait}: the longest time in which
 * nothing at all arrives, not the longest time for the whole answer.
 */
public record Limits(
        Duration resolve,
        Duration connect,
        Duration greeting,
        Duration tls,
        Duration options,
        Duration metaContext,
        Duration export,
        Duration blockStatus,
        Duration read,
        Duration write,
        Duration zero,
        Duration trim,
        Duration flush,
        Duration disconnect) {

    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(15);

    /** Listing extents gets its own limit: healthy sources have been seen to take minutes. */
    public static final Duration DEFAULT_EXTENTS_TIMEOUT = Duration.ofMinutes(5);

    /** Saying goodbye changes nothing any more, so it gets little time. */
    private static final Duration GOODBYE = Duration.ofMillis(500);

    public static final Limits DEFAULT = of(DEFAULT_TIMEOUT, DEFAULT_EXTENTS_TIMEOUT);

    /** The same limit for every wait, except block status and the goodbye. */
    public static Limits of(Duration timeout, Duration extentsTimeout) {
        Duration goodbye = timeout.compareTo(GOODBYE) < 0 ? timeout : GOODBYE;
        return new Limits(
                timeout,
                timeout,
                timeout,
                timeout,
                timeout,
                timeout,
                timeout,
                extentsTimeout,
                timeout,
                timeout,
                timeout,
                timeout,
                timeout,
                goodbye);
    }

    /** The same, but another limit for the greeting. */
    public Limits withGreeting(Duration limit) {
        return with(limit, blockStatus);
    }

    /** The same for an end that has no more time for listing its extents than for reading. */
    public Limits withHastyExtents() {
        return with(greeting, read);
    }

    private Limits with(Duration newGreeting, Duration newBlockStatus) {
        return new Limits(
                resolve,
                connect,
                newGreeting,
                tls,
                options,
                metaContext,
                export,
                newBlockStatus,
                read,
                write,
                zero,
                trim,
                flush,
                disconnect);
    }

    /** The limit of the given wait. */
    public Duration limitOf(Wait wait) {
        return switch (wait) {
            case RESOLVE -> resolve;
            case CONNECT -> connect;
            case GREETING -> greeting;
            case TLS -> tls;
            case OPTIONS -> options;
            case META_CONTEXT -> metaContext;
            case EXPORT -> export;
            case BLOCK_STATUS -> blockStatus;
            case READ -> read;
            case WRITE -> write;
            case ZERO -> zero;
            case TRIM -> trim;
            case FLUSH -> flush;
            case DISCONNECT -> disconnect;
        };
    }
}
