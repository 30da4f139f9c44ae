package io.migratekit.hub.control;

import com.cronutils.model.Cron;
import com.cronutils.model.CronType;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.time.ExecutionTime;
import com.cronutils.parser.CronParser;
import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * When are which VMs to be backed up?
 *
 * @param cron as crontab has it: minute, hour, day of the month, month, day of the week
 * @param zone whose clock that is
 * @param vms names or ids, with {@code *} and {@code ?}
 * @param jitterSeconds the jobs are spread over so much time
 * @param window its jobs begin only then; what waits when it closes begins when it opens again
 */
public record Schedule(
        String name,
        String hub,
        String cron,
        String zone,
        List<String> vms,
        int jitterSeconds,
        int priority,
        Optional<Window> window,
        @Nullable Instant lastAt,
        @Nullable Integer lastJobs) {
    private static final CronParser PARSER = new CronParser(CronDefinitionBuilder.instanceDefinitionFor(CronType.UNIX));

    public Schedule {
        vms = List.copyOf(vms);
    }

    /** The same for this hub, if it makes sense. */
    Schedule of(String its) {
        Cron _ = parsed();
        ZoneId _ = Window.zone(zone);
        vms.forEach(pattern -> {
            if (pattern.isEmpty()) {
                throw new ControlException.BadRequest("a pattern of names is empty; '*' stands for all VMs");
            }
            PathMatcher _ = matcher(pattern);
        });
        if (next(Instant.now()).isEmpty()) {
            throw new ControlException.BadRequest("'" + cron + "' never comes");
        }
        return new Schedule(name, its, cron, zone, vms, jitterSeconds, priority, window, null, null);
    }

    private Cron parsed() {
        try {
            return PARSER.parse(cron).validate();
        } catch (IllegalArgumentException e) {
            throw new ControlException.BadRequest("'" + cron
                    + "' is no time as crontab has it (minute, hour, day, month, weekday), such as '30 22 * * 1-5': "
                    + e.getMessage());
        }
    }

    private static PathMatcher matcher(String pattern) {
        try {
            return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        } catch (PatternSyntaxException e) {
            throw new ControlException.BadRequest("'" + pattern + "' is no pattern of names: " + e.getDescription());
        }
    }

    /** Its next time after this moment. */
    public Optional<Instant> next(Instant after) {
        return ExecutionTime.forCron(parsed())
                .nextExecution(after.atZone(Window.zone(zone)))
                .map(time -> time.toInstant());
    }

    /** Its time that came last, up to this moment. */
    Optional<Instant> last(Instant upTo) {
        // The library means what lies before.
        return ExecutionTime.forCron(parsed())
                .lastExecution(upTo.plusSeconds(1).atZone(Window.zone(zone)))
                .map(time -> time.toInstant());
    }

    /** What its jobs say of who has asked for them. */
    String asker() {
        return "schedule " + name;
    }

    boolean isFor(Sighting vm) {
        return vms.stream().anyMatch(pattern -> pattern.equals(vm.vm()) || matches(pattern, vm.name()));
    }

    private static boolean matches(String pattern, String name) {
        // A name with a slash is one name, not a path.
        return matcher(pattern.replace('/', '_'))
                .matches(Path.of(name.replace('/', '_').replace('\0', '_')));
    }

    /** When the job of a VM may begin; always at the same point of the span, so that its backups lie as far apart as is wanted. */
    Instant begin(String vm, Instant now) {
        return jitterSeconds == 0 ? now : now.plus(Duration.ofSeconds(Math.floorMod(vm.hashCode(), jitterSeconds)));
    }

    // ---- in the database

    static List<Schedule> all(Connection connection, String hub) throws SQLException {
        List<Schedule> all = new ArrayList<>();
        try (PreparedStatement statement =
                        Jobs.prepared(connection, "select * from schedule where hub = ? order by name", hub);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                List<String> vms = new ArrayList<>();
                JsonParser.parseString(rows.getString("vms")).getAsJsonArray().forEach(vm -> vms.add(vm.getAsString()));
                all.add(new Schedule(
                        rows.getString("name"),
                        hub,
                        rows.getString("cron"),
                        rows.getString("zone"),
                        vms,
                        rows.getInt("jitter_seconds"),
                        rows.getInt("priority"),
                        Window.kept(rows.getString("hours")),
                        Jobs.time(rows, "last_at"),
                        rows.getObject("last_jobs", Integer.class)));
            }
        }
        return all;
    }

    void write(Connection connection) throws SQLException {
        JsonArray patterns = new JsonArray();
        vms.forEach(patterns::add);
        remove(connection);
        Jobs.run(
                connection,
                "insert into schedule (name, hub, cron, zone, vms, jitter_seconds, priority, hours, last_at, last_jobs) values"
                        + " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                name,
                hub,
                cron,
                zone,
                patterns.toString(),
                jitterSeconds,
                priority,
                window.map(Window::toString).orElse(null),
                lastAt,
                lastJobs);
    }

    void remove(Connection connection) throws SQLException {
        Jobs.run(connection, "delete from schedule where hub = ? and name = ?", hub, name);
    }

    void came(Connection connection, Instant at, int jobs) throws SQLException {
        Jobs.run(
                connection,
                "update schedule set last_at = ?, last_jobs = ? where hub = ? and name = ?",
                at,
                jobs,
                hub,
                name);
    }
}
