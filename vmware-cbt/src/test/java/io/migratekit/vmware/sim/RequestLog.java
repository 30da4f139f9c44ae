package io.migratekit.vmware.sim;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Predicate;

/** What was the simulator asked, when and how often? The newest hundred thousand requests. */
public final class RequestLog {
    private static final int KEPT = 100_000;

    /**
     * A request.
     *
     * @param method as on the wire, or such as {@code GET /folder}
     * @param target the path with the query
     * @param body as it came, passwords and all; {@code toString} does not show it
     * @param connection counts the connections
     */
    public record Entry(
            String method,
            Instant when,
            String target,
            String soapAction,
            String authorization,
            String body,
            int connection) {
        @Override
        public String toString() {
            return when + " #" + connection + " " + method;
        }
    }

    private final ArrayDeque<Entry> entries = new ArrayDeque<>();

    synchronized void add(Entry entry) {
        if (entries.size() == KEPT) {
            entries.removeFirst();
        }
        entries.addLast(entry);
    }

    public synchronized List<Entry> all() {
        return List.copyOf(entries);
    }

    public List<Entry> of(String method) {
        return matching(e -> e.method().equals(method));
    }

    public int count(String method) {
        return of(method).size();
    }

    /** Names of the methods in the order in which they were called. */
    public List<String> methods() {
        return all().stream().map(Entry::method).toList();
    }

    private List<Entry> matching(Predicate<Entry> which) {
        return all().stream().filter(which).toList();
    }

    public synchronized void clear() {
        entries.clear();
    }
}
