package io.migratekit.agent.hub;

import static java.lang.System.Logger.Level.DEBUG;

import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import org.eclipse.jetty.client.InputStreamResponseListener;
import org.eclipse.jetty.client.Request;

/**
 * What happens in the hub meanwhile? Listens until it is closed. Who cannot hear goes without: events only say how far
 * something is, never what came of it.
 */
public final class HubEvents implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HubEvents.class.getName());
    private static final String NAME = "event: ";
    private static final String DATA = "data: ";

    private final Request request;
    private final InputStreamResponseListener answer = new InputStreamResponseListener();
    private final BiConsumer<String, JsonObject> listener;
    private final long silenceMillis;

    /** @param listener hears the name of each event and its data, on a thread of its own */
    HubEvents(Request request, long silenceMillis, BiConsumer<String, JsonObject> listener) {
        this.request = request;
        this.silenceMillis = silenceMillis;
        this.listener = listener;
        Thread.ofPlatform().daemon().name("hub-events").start(this::listen);
    }

    private void listen() {
        request.send(answer);
        try {
            if (answer.get(silenceMillis, TimeUnit.MILLISECONDS).getStatus() != 200) {
                LOG.log(DEBUG, "the hub does not tell its events");
                return;
            }
            try (InputStream in = answer.getInputStream();
                    BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                String name = "";
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    if (line.startsWith(NAME)) {
                        name = line.substring(NAME.length());
                    } else if (line.startsWith(DATA)) {
                        listener.accept(
                                name,
                                JsonFields.parse(line.substring(DATA.length())).raw());
                    }
                }
            }
        } catch (IOException | TimeoutException | ExecutionException | JsonFields.Unfit e) {
            LOG.log(DEBUG, () -> "the hub's events ended: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        var _ = request.abort(new IOException("nobody listens any more"));
    }
}
