package io.migratekit.nbd;

import java.util.List;

/**
 * How shall a connection be made? Everything besides the address.
 *
 * @param purpose a word that tells this connection from others in messages, such as "map"
 * @param contexts metadata contexts to negotiate; none means that block status will not be asked
 * @param limits the longest silence accepted in each wait
 * @param deadline the end of everything this connection does
 * @param listener told of every wait
 */
public record ConnectSpec(
        String purpose, List<String> contexts, Limits limits, Deadline deadline, WaitListener listener) {

    public static final String BASE_ALLOCATION = "base:allocation";

    public ConnectSpec {
        contexts = List.copyOf(contexts);
    }

    /** Default limits, no deadline, no context, nobody listening. */
    public static ConnectSpec of(String purpose) {
        return new ConnectSpec(purpose, List.of(), Limits.DEFAULT, Deadline.NEVER, WaitListener.NONE);
    }

    public ConnectSpec withPurpose(String newPurpose) {
        return new ConnectSpec(newPurpose, contexts, limits, deadline, listener);
    }

    public ConnectSpec withContexts(List<String> newContexts) {
        return new ConnectSpec(purpose, newContexts, limits, deadline, listener);
    }

    public ConnectSpec withLimits(Limits newLimits) {
        return new ConnectSpec(purpose, contexts, newLimits, deadline, listener);
    }

    public ConnectSpec withDeadline(Deadline newDeadline) {
        return new ConnectSpec(purpose, contexts, limits, newDeadline, listener);
    }

    public ConnectSpec withListener(WaitListener newListener) {
        return new ConnectSpec(purpose, contexts, limits, deadline, newListener);
    }
}
