package io.migratekit.hub;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What happens in the hub, for who listens? A listener that does not keep up is dropped; nobody waits for it. */
public final class Events {
    private static final int QUEUED = 256;
    private static final int MOST_LISTENERS = 48;

    /** What is told of these is no change of what is kept. */
    private static final Set<String> PASSING = Set.of("progress", "verifying");

    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    /** Begins anywhere, so that a hub that was started anew is not taken for one where nothing has happened. */
    private final AtomicLong changes = new AtomicLong(System.currentTimeMillis());

    /** Something that happened to what is kept of a VM. */
    public record Event(String name, String vm, JsonObject data) {}

    /** Who listens. */
    public final class Listener implements AutoCloseable {
        private final BlockingQueue<Event> queue = new ArrayBlockingQueue<>(QUEUED);
        private volatile boolean lost;

        /** The next event; null if none came in time. */
        public @Nullable Event next(Duration limit) throws InterruptedException {
            return queue.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        }

        /** It did not keep up, and events are missing. */
        public boolean isLost() {
            return lost && queue.isEmpty();
        }

        @Override
        public void close() {
            listeners.remove(this);
        }
    }

    /** From now on; null if too many listen already. */
    public synchronized @Nullable Listener listen() {
        if (listeners.size() >= MOST_LISTENERS) {
            return null;
        }
        Listener listener = new Listener();
        listeners.add(listener);
        return listener;
    }

    /** Another number than before says that something has changed of what is kept. */
    public long changes() {
        return changes.get();
    }

    void tell(String name, String backup, String vm, JsonObject more) {
        JsonObject data = more.deepCopy();
        data.addProperty("backup", backup);
        data.addProperty("vm", vm);
        tell(new Event(name, vm, data));
    }

    /** What is about a VM, and not about one backup of it. */
    void tell(String name, String vm, JsonObject data) {
        tell(new Event(name, vm, data));
    }

    private void tell(Event event) {
        if (!PASSING.contains(event.name())) {
            changes.incrementAndGet();
        }
        listeners.removeIf(listener -> {
            boolean full = !listener.queue.offer(event);
            if (full) {
                listener.lost = true;
            }
            return full;
        });
    }
}
