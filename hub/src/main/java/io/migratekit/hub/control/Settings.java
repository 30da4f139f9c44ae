package io.migratekit.hub.control;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.TreeMap;

/** How are the limits kept? In one row, so that whoever shares the database shares them. */
final class Settings {
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
                only);
    }

    private static int number(JsonObject json, String name, int usual) {
        return json.has(name) ? json.get(name).getAsInt() : usual;
    }

    static JsonObject json(Limits limits) {
        JsonObject json = new JsonObject();
        json.addProperty("hub", limits.hub());
        json.addProperty("vcenter", limits.vcenter());
        json.addProperty("host", limits.host());
        json.addProperty("datastore", limits.datastore());
        JsonObject only = new JsonObject();
        new TreeMap<>(limits.only()).forEach(only::addProperty);
        json.add("only", only);
        return json;
    }
}
