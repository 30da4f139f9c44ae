package io.migratekit.hub.control;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** How are the limits kept? In one row, so that whoever shares the database shares them. */
public final class Settings {
    private Settings() {}

    static Limits limits(Connection connection) throws SQLException {
        try (PreparedStatement statement = Jobs.prepared(connection, "select limits from control where id = 1");
                ResultSet rows = statement.executeQuery()) {
            return rows.next() ? limits(rows.getString(1)) : Limits.DEFAULTS;
        }
    }

    static void limit(Connection connection, Limits limits) throws SQLException {
        Jobs.run(
                connection,
                "update control set limits = ? where id = 1",
                json(limits).toString());
    }

    private static Limits limits(String text) {
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        Limits usual = Limits.DEFAULTS;
        Map<String, Integer> only = new TreeMap<>();
        if (json.has("only")) {
            json.getAsJsonObject("only").asMap().forEach((name, most) -> only.put(name, most.getAsInt()));
        }
        return new Limits(
                number(json, "hub", usual.hub()),
                number(json, "vcenter", usual.vcenter()),
                number(json, "host", usual.host()),
                number(json, "datastore", usual.datastore()),
                only,
                rates(json));
    }

    private static List<Rate> rates(JsonObject json) {
        List<Rate> rates = new ArrayList<>();
        if (json.has("rates")) {
            for (JsonElement element : json.getAsJsonArray("rates")) {
                JsonObject rate = element.getAsJsonObject();
                rates.add(new Rate(
                        text(rate, "agent"),
                        text(rate, "hours")
                                .map(hours ->
                                        Window.of(hours, text(rate, "zone").orElse("Z"))),
                        rate.get("bytesPerSecond").getAsLong()));
            }
        }
        return rates;
    }

    private static Optional<String> text(JsonObject json, String name) {
        return Optional.ofNullable(json.get(name)).map(JsonElement::getAsString);
    }

    private static int number(JsonObject json, String name, int usual) {
        return json.has(name) ? json.get(name).getAsInt() : usual;
    }

    private static JsonObject json(Limits limits) {
        JsonObject json = new JsonObject();
        json.addProperty("hub", limits.hub());
        json.addProperty("vcenter", limits.vcenter());
        json.addProperty("host", limits.host());
        json.addProperty("datastore", limits.datastore());
        JsonObject only = new JsonObject();
        new TreeMap<>(limits.only()).forEach(only::addProperty);
        json.add("only", only);
        JsonArray rates = new JsonArray();
        limits.rates().forEach(rate -> rates.add(json(rate)));
        json.add("rates", rates);
        return json;
    }

    /** As the contract has it, too. */
    public static JsonObject json(Rate rate) {
        JsonObject json = new JsonObject();
        rate.agent().ifPresent(agent -> json.addProperty("agent", agent));
        rate.window().ifPresent(window -> {
            json.addProperty("hours", window.hours());
            json.addProperty("zone", window.zone().getId());
        });
        json.addProperty("bytesPerSecond", rate.bytesPerSecond());
        return json;
    }
}
