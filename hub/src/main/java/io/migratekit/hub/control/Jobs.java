package io.migratekit.hub.control;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How do jobs get into the database, and out of it? */
final class Jobs {
    private static final int LONGEST_SAID = 4000;
    private static final String LIVE = "('queued', 'given', 'running', 'ended')";
    private static final String UNDER_WAY = "('given', 'running', 'ended')";

    private Jobs() {}

    static void add(Connection connection, Job job) throws SQLException {
        run(
                connection,
                "insert into job (id, hub, vm, vm_name, state, priority, whole, asked_by, asked_at, not_before, hours, uses,"
                        + " attempt, cancelled) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', 0, false)",
                job.id(),
                job.hub(),
                job.vm(),
                job.vmName(),
                word(job.state()),
                job.priority(),
                job.whole(),
                job.askedBy(),
                job.askedAt(),
                job.notBefore(),
                job.window().map(Window::toString).orElse(null));
    }

    static Optional<Job> find(Connection connection, String id) throws SQLException {
        return list(connection, "where id = ?", id).stream().findFirst();
    }

    /** The one of a VM for which something is still to be done. */
    static Optional<Job> live(Connection connection, String vm) throws SQLException {
        return list(connection, "where vm = ? and state in " + LIVE, vm).stream()
                .findFirst();
    }

    /** Those that wait and might begin now, in the order in which they are to begin. */
    static List<Job> waiting(Connection connection, String hub, Instant now) throws SQLException {
        return list(
                connection,
                "where state = 'queued' and hub = ? and not_before <= ? order by priority desc, asked_at, id",
                hub,
                now);
    }

    static List<Job> underWay(Connection connection, String hub) throws SQLException {
        return list(connection, "where state in " + UNDER_WAY + " and hub = ?", hub);
    }

    /** Those that take something up: of this hub, and of others as long as somebody speaks of them. */
    static List<Job> takingUp(Connection connection, String hub, Instant heardSince) throws SQLException {
        return list(connection, "where state in ('given', 'running') and (hub = ? or heard_at >= ?)", hub, heardSince);
    }

    /** Those that wait in vain. */
    static List<Job> cancelledWaiting(Connection connection, String hub) throws SQLException {
        return list(connection, "where state = 'queued' and hub = ? and cancelled", hub);
    }

    static List<Job> ofAgent(Connection connection, String hub, String agent) throws SQLException {
        return list(
                connection,
                "where state in " + UNDER_WAY + " and hub = ? and agent = ? order by asked_at, id",
                hub,
                agent);
    }

    /** Those of a hub for which something is to be done, and those that ended last. */
    static List<Job> all(Connection connection, String hub, Optional<String> vm, boolean ended, int most)
            throws SQLException {
        String which = "where hub = ?" + (ended ? "" : " and state in " + LIVE) + (vm.isPresent() ? " and vm = ?" : "");
        String order = " order by case when state in " + LIVE
                + " then 0 else 1 end, priority desc, asked_at desc, id limit " + most;
        return vm.isPresent() ? list(connection, which + order, hub, vm.get()) : list(connection, which + order, hub);
    }

    /** The VMs for which somebody has asked since then. */
    static Set<String> asked(Connection connection, String hub, String askedBy, Instant since) throws SQLException {
        Set<String> vms = new HashSet<>();
        try (PreparedStatement statement = prepared(
                        connection,
                        "select vm from job where hub = ? and asked_by = ? and asked_at >= ?",
                        hub,
                        askedBy,
                        since);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                vms.add(rows.getString(1));
            }
        }
        return vms;
    }

    /** It may begin, at this agent. */
    static void give(Connection connection, Job job, String agent, Map<String, Integer> uses, Instant now)
            throws SQLException {
        run(
                connection,
                "update job set state = 'given', agent = ?, uses = ?, attempt = attempt + 1, begun_at = ?, heard_at = ?,"
                        + " code = null, said = null where id = ?",
                agent,
                json(uses),
                now,
                now,
                job.id());
    }

    /** The agent speaks of it; not one that had it once. */
    static void heard(Connection connection, String hub, String agent, String id, @Nullable String said, Instant now)
            throws SQLException {
        run(
                connection,
                "update job set state = case when state = 'given' then 'running' else state end, heard_at = ?, said = ?"
                        + " where id = ? and hub = ? and agent = ? and state in ('given', 'running')",
                now,
                shortened(said),
                id,
                hub,
                agent);
    }

    static void ended(
            Connection connection, String hub, String agent, String id, int code, @Nullable String said, Instant now)
            throws SQLException {
        run(
                connection,
                "update job set state = 'ended', code = ?, said = ?, heard_at = ?, ended_at = ?"
                        + " where id = ? and hub = ? and agent = ? and state in ('given', 'running')",
                code,
                shortened(said),
                now,
                now,
                id,
                hub,
                agent);
    }

    /** From now on it is nobody's, and nobody may go on with it; not if it was heard of meanwhile. */
    static boolean giveUp(Connection connection, Job job, String why) throws SQLException {
        try (PreparedStatement update = prepared(
                connection,
                "update job set agent = null, cancelled = true, said = ? where id = ? and state in ('given', 'running')"
                        + " and heard_at <= ?",
                shortened(why),
                job.id(),
                job.heardAt())) {
            return update.executeUpdate() > 0;
        }
    }

    /** It is to be tried again from this moment on. */
    static void putBack(Connection connection, String id, Instant notBefore, @Nullable String said)
            throws SQLException {
        run(
                connection,
                "update job set state = 'queued', agent = null, uses = '{}', not_before = ?, said = ? where id = ?",
                notBefore,
                shortened(said),
                id);
    }

    static void finish(Connection connection, String id, Job.State state, Instant now) throws SQLException {
        run(
                connection,
                "update job set state = ?, uses = '{}', ended_at = coalesce(ended_at, ?) where id = ?",
                word(state),
                now,
                id);
    }

    static void cancel(Connection connection, String id) throws SQLException {
        run(connection, "update job set cancelled = true where id = ?", id);
    }

    /** Forgets what ended long ago. */
    static void forget(Connection connection, Instant before) throws SQLException {
        run(connection, "delete from job where state not in " + LIVE + " and ended_at < ?", before);
    }

    // ---- words and values

    static void run(Connection connection, String sql, @Nullable Object... values) throws SQLException {
        var _ = update(connection, sql, values);
    }

    /** So many rows were changed. */
    static int update(Connection connection, String sql, @Nullable Object... values) throws SQLException {
        try (PreparedStatement statement = prepared(connection, sql, values)) {
            return statement.executeUpdate();
        }
    }

    static PreparedStatement prepared(Connection connection, String sql, @Nullable Object... values)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            for (int i = 0; i < values.length; i++) {
                // To the microsecond: a database rounds what is finer, and then a time is later than itself.
                Object value = values[i] instanceof Instant time
                        ? time.truncatedTo(ChronoUnit.MICROS).atOffset(ZoneOffset.UTC)
                        : values[i];
                statement.setObject(i + 1, value);
            }
            return statement;
        } catch (SQLException e) {
            statement.close();
            throw e;
        }
    }

    static @Nullable Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    private static List<Job> list(Connection connection, String where, @Nullable Object... values) throws SQLException {
        List<Job> jobs = new ArrayList<>();
        try (PreparedStatement statement = prepared(connection, "select * from job " + where, values);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                jobs.add(job(rows));
            }
        }
        return jobs;
    }

    private static Job job(ResultSet row) throws SQLException {
        return new Job(
                row.getString("id"),
                row.getString("hub"),
                row.getString("vm"),
                row.getString("vm_name"),
                Job.State.valueOf(row.getString("state").toUpperCase(Locale.ROOT)),
                row.getInt("priority"),
                row.getBoolean("whole"),
                row.getString("asked_by"),
                required(row, "asked_at"),
                required(row, "not_before"),
                Window.kept(row.getString("hours")),
                row.getString("agent"),
                uses(row.getString("uses")),
                row.getInt("attempt"),
                time(row, "begun_at"),
                time(row, "heard_at"),
                time(row, "ended_at"),
                row.getObject("code", Integer.class),
                row.getString("said"),
                row.getBoolean("cancelled"));
    }

    private static Instant required(ResultSet row, String column) throws SQLException {
        Instant time = time(row, column);
        if (time == null) {
            throw new SQLException("a job without '" + column + "'");
        }
        return time;
    }

    private static Map<String, Integer> uses(String json) {
        if (json.equals("{}")) {
            return Map.of(); // As thousands have that wait.
        }
        Map<String, Integer> uses = new TreeMap<>();
        JsonParser.parseString(json)
                .getAsJsonObject()
                .asMap()
                .forEach((name, count) -> uses.put(name, count.getAsInt()));
        return uses;
    }

    private static String json(Map<String, Integer> uses) {
        JsonObject json = new JsonObject();
        uses.forEach(json::addProperty);
        return json.toString();
    }

    private static String word(Job.State state) {
        return state.name().toLowerCase(Locale.ROOT);
    }

    private static @Nullable String shortened(@Nullable String text) {
        return text == null || text.length() <= LONGEST_SAID ? text : text.substring(0, LONGEST_SAID);
    }
}
