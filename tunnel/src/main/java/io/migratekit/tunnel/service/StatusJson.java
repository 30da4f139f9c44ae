package io.migratekit.tunnel.service;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.ForwardView;
import io.migratekit.tunnel.LinkView;
import io.migratekit.tunnel.TunnelState;
import io.migratekit.tunnel.TunnelView;
import java.time.Duration;
import java.util.Optional;

/** What does a tunnel say about itself to other processes? Names are a contract with scripts. */
final class StatusJson {
    private StatusJson() {}

    static JsonObject of(TunnelView view, Optional<String> lastError, Optional<String> health) {
        JsonObject json = new JsonObject();
        json.addProperty("name", view.name());
        json.addProperty("target", view.target().toString());
        switch (view.state()) {
            case TunnelState.Connecting connecting -> {
                json.addProperty("state", "connecting");
                json.addProperty("since", connecting.since().toString());
            }
            case TunnelState.Up up -> {
                json.addProperty("state", "up");
                json.addProperty("since", up.since().toString());
                json.addProperty("server", up.serverVersion());
            }
            case TunnelState.Down down -> {
                json.addProperty("state", "down");
                json.addProperty("since", down.since().toString());
                json.addProperty("may-pass", down.cause().mayPass());
                down.retryAt().ifPresent(at -> json.addProperty("retry-at", at.toString()));
            }
        }
        lastError.ifPresent(error -> json.addProperty("last-error", error));
        health.ifPresent(answer -> json.addProperty("health", answer));
        json.addProperty("times-lost", view.timesLost());
        JsonArray links = new JsonArray();
        view.links().forEach(link -> links.add(of(link)));
        json.add("links", links);
        JsonArray forwards = new JsonArray();
        view.forwards().forEach(forward -> forwards.add(of(forward)));
        json.add("forwards", forwards);
        return json;
    }

    private static JsonObject of(LinkView link) {
        JsonObject json = new JsonObject();
        json.addProperty("name", link.name());
        json.addProperty("since", link.since().toString());
        json.addProperty("connections", link.relays());
        json.addProperty("bytes-received", link.bytesReceived());
        json.addProperty("bytes-sent", link.bytesSent());
        json.addProperty("round-trip-micros", micros(link.roundTrip()));
        return json;
    }

    private static JsonObject of(ForwardView view) {
        JsonObject json = new JsonObject();
        boolean reverse = view.forward() instanceof Forward.ReverseTcp;
        json.addProperty("type", reverse ? "reverse" : "local");
        switch (view.forward()) {
            case Forward.LocalTcp tcp -> {
                json.addProperty("listen", Forward.show(view.listening()));
                json.addProperty("to", tcp.hubHost() + ":" + tcp.hubPort());
            }
            case Forward.LocalUnix unix -> {
                json.addProperty("listen", Forward.show(view.listening()));
                json.addProperty("to", "unix:" + unix.hubSocket());
            }
            case Forward.ReverseTcp tcp -> {
                json.addProperty("listen", tcp.hubAddress() + ":" + tcp.hubPort());
                json.addProperty("to", Forward.show(tcp.target()));
            }
        }
        json.addProperty("open", view.open());
        json.addProperty("opened", view.opened());
        json.addProperty("bytes-to-hub", view.bytesToHub());
        json.addProperty("bytes-from-hub", view.bytesFromHub());
        json.addProperty("refused", view.refused());
        json.addProperty("forbidden", view.forbidden());
        view.lastRefusal().ifPresent(words -> json.addProperty("last-refusal", words));
        view.firstByte().ifPresent(time -> json.addProperty("first-byte-micros", micros(time)));
        return json;
    }

    private static long micros(Duration time) {
        return time.toNanos() / 1000;
    }
}
