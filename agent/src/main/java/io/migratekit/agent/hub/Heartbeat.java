package io.migratekit.agent.hub;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** How does a hub know that somebody still lives? It is told again and again; that it does not hear is said once. */
public final class Heartbeat implements AutoCloseable {
    private static final Duration END = Duration.ofSeconds(2);

    private final Duration every;
    private final Runnable beat;
    private final Listener listener;
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;
    private boolean isUnheard;

    /** Who wants to know whether the hub hears? */
    public interface Listener {
        void unheard(HubException why);

        default void heardAgain() {}
    }

    /** @param beat asks the hub something, and throws what {@link HubClient} throws */
    public Heartbeat(Duration every, Runnable beat, Listener listener) {
        this.every = every;
        this.beat = beat;
        this.listener = listener;
        thread = Thread.ofPlatform().daemon().name("hub-heartbeat").unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    private void run() {
        try {
            while (!end.await(every.toMillis(), TimeUnit.MILLISECONDS)) {
                once();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void once() {
        try {
            beat.run();
            if (isUnheard) {
                isUnheard = false;
                listener.heardAgain();
            }
        } catch (HubException.Cancelled e) {
            Thread.currentThread().interrupt();
        } catch (HubException e) {
            if (!isUnheard && end.getCount() > 0) {
                isUnheard = true;
                listener.unheard(e);
            }
        }
    }

    @Override
    public void close() {
        end.countDown();
        thread.interrupt();
        if (thread.isAlive()) {
            try {
                var _ = thread.join(END);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
