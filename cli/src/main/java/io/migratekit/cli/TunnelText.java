package io.migratekit.cli;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** What does a person read about a tunnel? Made from what the tunnel says, which is the same for scripts. */
final class TunnelText {
    private TunnelText() {}

    static String of(JsonObject tunnel, Instant now) {
        StringBuilder text = new StringBuilder();
        text.append(word(tunnel, "name")).append(": ").append(word(tunnel, "state"));
        if (tunnel.has("since")) {
            Instant since = Instant.parse(word(tunnel, "since"));
            text.append(" since ").append(since.truncatedTo(ChronoUnit.SECONDS)).append(" (");
            text.append(Durations.show(Duration.between(since, now).truncatedTo(ChronoUnit.SECONDS))
                            .replace("<0.1 ms", "just now"))
                    .append(")");
        }
        text.append(with(", ", word(tunnel, "target")))
                .append(with(", ", word(tunnel, "server")))
                .append('\n');
        if (tunnel.has("retry-at")) {
            Duration pause = Duration.between(now, Instant.parse(word(tunnel, "retry-at")));
            text.append("  next attempt in ")
                    .append(Durations.show(pause.isNegative() ? Duration.ZERO : pause))
                    .append('\n');
        }
        text.append(line("  health: ", word(tunnel, "health")));
        text.append(line("  last error: ", word(tunnel, "last-error")));
        if (number(tunnel, "times-lost") > 0) {
            text.append("  lost and made anew: ")
                    .append(number(tunnel, "times-lost"))
                    .append(" times\n");
        }
        for (JsonElement link : array(tunnel, "links")) {
            text.append(link(link.getAsJsonObject()));
        }
        for (JsonElement forward : array(tunnel, "forwards")) {
            text.append(forward(forward.getAsJsonObject()));
        }
        return text.toString();
    }

    private static String link(JsonObject link) {
        long roundTrip = number(link, "round-trip-micros");
        return "  session " + word(link, "name") + ": " + number(link, "connections") + " connections, "
                + Sizes.rounded(number(link, "bytes-sent")) + " sent, "
                + Sizes.rounded(number(link, "bytes-received")) + " received"
                + (roundTrip == 0 ? "" : ", round trip " + Durations.show(Duration.ofNanos(roundTrip * 1000)))
                + "\n";
    }

    private static String forward(JsonObject forward) {
        boolean reverse = word(forward, "type").equals("reverse");
        StringBuilder text = new StringBuilder("  forward ");
        text.append(
                reverse
                        ? word(forward, "to") + " <- " + word(forward, "listen") + " on the hub"
                        : word(forward, "listen") + " -> " + word(forward, "to"));
        text.append(": ").append(number(forward, "open")).append(" open, ");
        text.append(number(forward, "opened")).append(" so far, ");
        text.append(Sizes.rounded(number(forward, "bytes-to-hub"))).append(" to the hub, ");
        text.append(Sizes.rounded(number(forward, "bytes-from-hub"))).append(" back");
        if (forward.has("first-byte-micros")) {
            Duration first = Duration.ofNanos(number(forward, "first-byte-micros") * 1000);
            text.append(", first byte after ").append(Durations.show(first));
        }
        text.append('\n');
        if (number(forward, "refused") > 0) {
            text.append("    refused ").append(number(forward, "refused")).append(", the last: ");
            text.append(word(forward, "last-refusal")).append('\n');
        }
        return text.toString();
    }

    private static String line(String title, String words) {
        return words.isEmpty() ? "" : title + words + "\n";
    }

    private static String with(String before, String words) {
        return words.isEmpty() ? "" : before + words;
    }

    private static String word(JsonObject json, String key) {
        return json.has(key) ? Printable.of(json.get(key).getAsString()) : "";
    }

    private static long number(JsonObject json, String key) {
        return json.has(key) ? json.get(key).getAsLong() : 0;
    }

    private static Iterable<JsonElement> array(JsonObject json, String key) {
        return json.has(key) ? json.getAsJsonArray(key) : java.util.List.of();
    }
}
