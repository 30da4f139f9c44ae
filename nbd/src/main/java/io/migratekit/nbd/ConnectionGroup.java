package io.migratekit.nbd;

import java.lang.foreign.Arena;
import java.util.List;

/**
 * Several connections in one wait: for a worker that owns both ends of a copy. All of them belong to
 * the thread that made the group.
 */
public final class ConnectionGroup implements AutoCloseable {
    /** So that whoever wants the thread to stop, or has a deadline of its own, is not kept waiting. */
    private static final int LONGEST_SLICE_MILLIS = 100;

    private final Arena arena = Arena.ofConfined();
    private final List<NbdConnection> connections;
    private final Posix.Poller poller;

    public ConnectionGroup(List<NbdConnection> connections) {
        this.connections = List.copyOf(connections);
        this.poller = new Posix.Poller(arena, connections.size());
    }

    /**
     * Lets answers in: waits until something moves on one of the connections, at most so long. Each
     * connection's own limits hold; when one of them is lost its exception is thrown, and its
     * {@link NbdConnection#isLost} says which one it was.
     */
    public void await(int atMostMillis) {
        int slice = Math.min(atMostMillis, LONGEST_SLICE_MILLIS);
        for (int i = 0; i < connections.size(); i++) {
            NbdConnection connection = connections.get(i);
            slice = Math.min(slice, connection.slice());
            poller.set(i, connection.descriptor(), connection.events());
        }
        if (!poller.await(connections.size(), slice)) {
            return;
        }
        for (int i = 0; i < connections.size(); i++) {
            int happened = poller.happened(i);
            if (happened != 0) {
                connections.get(i).react(happened);
            }
        }
    }

    /** Frees the group's own memory; the connections are closed by whoever opened them. */
    @Override
    public void close() {
        arena.close();
    }
}
