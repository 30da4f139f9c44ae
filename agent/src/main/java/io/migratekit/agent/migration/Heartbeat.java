package io.migratekit.agent.migration;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** How does the hub know that we live, and how far we are? It is told every few seconds; that it does not hear is said once. */
final class Heartbeat implements AutoCloseable {
    private static final Duration EVERY = Duration.ofSeconds(15);
    private static final Duration END = Duration.ofSeconds(2);

    private final HubClient client;
    private final String backup;
    private final Supplier<String> progress;
    private final MigrationListener listener;
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;
    private boolean unheard;

    /** @param progress JSON, as `migratekit status` shows it; must not block */
    Heartbeat(HubClient client, String backup, Supplier<String> progress, MigrationListener listener) {
        this.client = client;
        this.backup = backup;
        this.progress = progress;
        this.listener = listener;
        thread = Thread.ofPlatform().daemon().name("hub-heartbeat").unstarted(this::beat);
    }

    void start() {
        thread.start();
    }

    private void beat() {
        try {
            while (!end.await(EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
                tell();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void tell() {
        JsonObject words = JsonParser.parseString(progress.get()).getAsJsonObject();
        try {
            client.heartbeat(backup, words);
            if (unheard) {
                unheard = false;
                listener.told("the hub hears us again");
            }
        } catch (HubException.Cancelled e) {
            Thread.currentThread().interrupt();
        } catch (HubException e) {
            if (!unheard && end.getCount() > 0) {
                unheard = true;
                listener.warned("the hub does not hear that this backup lives: " + e.getMessage()
                        + ". It ends its exports after a while; copying goes on meanwhile");
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
