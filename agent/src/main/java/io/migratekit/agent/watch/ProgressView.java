package io.migratekit.agent.watch;

import com.google.gson.JsonObject;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What is to be said of a copy while it runs: how far, how fast, until when, and does it move?
 *
 * @param bytesPerSecond of data, of late: of what is copied, or while verifying of what is verified
 * @param layer where time is spent; null while it simply moves
 * @param why what was seen of that, in words; empty while it simply moves
 */
public record ProgressView(
        Progress.Counts counts,
        double bytesPerSecond,
        Eta eta,
        Duration elapsed,
        Motion motion,
        @Nullable Layer layer,
        String why) {

    /** One line of {@code --progress json}; its fields are described in docs/state-format.md. */
    public String json() {
        JsonObject json = new JsonObject();
        json.addProperty("event", "progress");
        json.addProperty("elapsedMillis", elapsed.toMillis());
        json.addProperty("motion", motion.id());
        json.addProperty("layer", layer == null ? null : layer.id());
        json.addProperty("why", why);
        StatusJson.progress(json, this);
        return json.toString();
    }
}
