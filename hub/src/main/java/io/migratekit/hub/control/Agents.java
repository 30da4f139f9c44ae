package io.migratekit.hub.control;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** How do agents, and what they have seen, get into the database, and out of it? A name is that of one agent at each hub. */
final class Agents {
    private Agents() {}

    /** It asks for work. */
    static void heard(
            Connection connection,
            String name,
            String hub,
            String version,
            int slots,
            Optional<Agent.Reached> reached,
            Instant now)
            throws SQLException {
        Integer port = reached.map(Agent.Reached::port).orElse(null);
        String token = reached.map(Agent.Reached::token).orElse(null);
        try (PreparedStatement update = Jobs.prepared(
                connection,
                "update agent set version = ?, slots = ?, reached_port = ?, reached_token = ?, heard_at = ?"
                        + " where hub = ? and name = ?",
                version,
                slots,
                port,
                token,
                now,
                hub,
                name)) {
            if (update.executeUpdate() == 0) {
                Jobs.run(
                        connection,
                        "insert into agent (name, hub, version, slots, reached_port, reached_token, heard_at,"
                                + " discovery_wanted) values (?, ?, ?, ?, ?, ?, ?, true)",
                        name,
                        hub,
                        version,
                        slots,
                        port,
                        token,
                        now);
            }
        }
    }

    /** Those that ask this hub for work. */
    static List<Agent> all(Connection connection, String hub) throws SQLException {
        List<Agent> agents = new ArrayList<>();
        try (PreparedStatement statement =
                        Jobs.prepared(connection, "select * from agent where hub = ? order by name", hub);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                String token = rows.getString("reached_token");
                agents.add(new Agent(
                        rows.getString("name"),
                        rows.getString("hub"),
                        rows.getString("version"),
                        rows.getInt("slots"),
                        Optional.ofNullable(rows.getObject("reached_port", Integer.class))
                                .map(at -> new Agent.Reached(at, token)),
                        Objects.requireNonNull(Jobs.time(rows, "heard_at")),
                        rows.getBoolean("discovery_wanted"),
                        Jobs.time(rows, "discovered_at")));
            }
        }
        return agents;
    }

    /** How many agents there were to be asked. */
    static int wantDiscovery(Connection connection, String hub, String agent) throws SQLException {
        try (PreparedStatement update = Jobs.prepared(
                connection,
                "update agent set discovery_wanted = true where hub = ? and (name = ? or ? = '')",
                hub,
                agent,
                agent)) {
            return update.executeUpdate();
        }
    }

    /** All that the agent sees now; what is not among it is not there any more. */
    static void saw(
            Connection connection,
            String agent,
            String hub,
            List<Sighting> sightings,
            Map<String, Long> capacities,
            Instant now)
            throws SQLException {
        Jobs.run(connection, "delete from agent_vm where hub = ? and agent = ?", hub, agent);
        for (Sighting one : sightings) {
            JsonArray datastores = new JsonArray();
            one.datastores().forEach(datastores::add);
            Jobs.run(
                    connection,
                    "insert into agent_vm (agent, vm, hub, name, vcenter, host, datastores, disks, capacity_bytes,"
                            + " seen_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    agent,
                    one.vm(),
                    hub,
                    one.name(),
                    one.vcenter(),
                    one.host(),
                    datastores.toString(),
                    one.disks(),
                    capacities.getOrDefault(one.vm(), 0L),
                    now);
        }
        Jobs.run(
                connection,
                "update agent set discovery_wanted = false, discovered_at = ? where hub = ? and name = ?",
                now,
                hub,
                agent);
    }

    /** What agents that ask this hub for work have seen. */
    static List<Sighting> sightings(Connection connection, String hub) throws SQLException {
        return list(connection, "where hub = ? order by name, vm, agent", hub);
    }

    /** The same of one VM. */
    static List<Sighting> sightings(Connection connection, String hub, String vm) throws SQLException {
        return list(connection, "where hub = ? and vm = ? order by agent", hub, vm);
    }

    /** Who has seen a VM of this id or name, at whatever hub. */
    static List<Sighting> sighted(Connection connection, String idOrName) throws SQLException {
        return list(connection, "where vm = ? or name = ? order by name, vm, agent", idOrName, idOrName);
    }

    private static List<Sighting> list(Connection connection, String where, Object... values) throws SQLException {
        List<Sighting> all = new ArrayList<>();
        try (PreparedStatement statement = Jobs.prepared(connection, "select * from agent_vm " + where, values);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                List<String> datastores = new ArrayList<>();
                JsonParser.parseString(rows.getString("datastores"))
                        .getAsJsonArray()
                        .forEach(name -> datastores.add(name.getAsString()));
                all.add(new Sighting(
                        rows.getString("agent"),
                        rows.getString("vm"),
                        rows.getString("name"),
                        rows.getString("vcenter"),
                        rows.getString("host"),
                        datastores,
                        rows.getInt("disks")));
            }
        }
        return all;
    }
}
