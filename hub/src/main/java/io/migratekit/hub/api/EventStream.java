package io.migratekit.hub.api;

import io.migratekit.hub.Events;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** How do events get to a client? As server-sent events, with a comment now and then, until it leaves or falls behind. */
final class EventStream {
    private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(10);

    private EventStream() {}

    /** Writes until the client has gone; an agent's token sees its own VMs. */
    static void write(Events.Listener listener, Call call, OutputStream out) throws IOException {
        out.write(": migratekit hub\n\n".getBytes(StandardCharsets.UTF_8));
        out.flush();
        try {
            while (!listener.isLost()) {
                Events.Event event = listener.next(SIGN_OF_LIFE);
                if (event == null) {
                    out.write(": still here\n\n".getBytes(StandardCharsets.UTF_8));
                } else if (call.maySee(event.vm())) {
                    out.write(("event: " + event.name() + "\ndata: " + event.data() + "\n\n")
                            .getBytes(StandardCharsets.UTF_8));
                }
                out.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // The hub stops.
        }
    }
}
