package io.migratekit.nbd;

import java.time.Duration;

/**
 * Who wants to know what is being waited for? Told before a wait begins, while it lasts (about ten
 * times a second), and when it is over because the peer answered. Called on the connection's thread.
 */
public interface WaitListener {
    /** For callers that do not care. */
    WaitListener NONE = new WaitListener() {};

    /** A wait begins; {@code limit} is the longest silence that will be accepted. */
    default void waiting(String connection, Wait wait, Duration limit) {}

    /** The wait goes on: in all for {@code waited}, and for {@code silent} nothing has arrived. */
    default void stillWaiting(String connection, Wait wait, Duration waited, Duration silent, Duration limit) {}

    /**
     * Bytes have moved, whether or not they complete an answer: they came from the peer, or our socket
     * has taken them.
     */
    default void moved(String connection, boolean received) {}

    /** The peer has answered. */
    default void answered(String connection, Wait wait, Duration waited) {}
}
