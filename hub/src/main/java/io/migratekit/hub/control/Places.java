package io.migratekit.hub.control;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * At which hub are a VM's restore points kept? At one, so that each stands on the one before: where the first was sent, or where
 * somebody has moved it.
 */
final class Places {
    private static final String ALL = """
            select p.hub, p.free_bytes, p.heard_at,
              (select count(*) from home h where h.hub = p.hub) as vms,
              (select count(*) from job j where j.hub = p.hub and j.state in ('queued', 'given', 'running', 'ended')) as jobs,
              (select coalesce(sum(h.promised_bytes), 0) from home h where h.hub = p.hub) as promised
            from place p order by p.hub
            """;

    private Places() {}

    /** A hub says that it is there, and how much is free. */
    static void heard(Connection connection, String hub, long freeBytes, Instant now) throws SQLException {
        if (Jobs.update(connection, "update place set free_bytes = ?, heard_at = ? where hub = ?", freeBytes, now, hub)
                == 0) {
            Jobs.run(connection, "insert into place (hub, free_bytes, heard_at) values (?, ?, ?)", hub, freeBytes, now);
        }
    }

    static List<Place> all(Connection connection) throws SQLException {
        List<Place> places = new ArrayList<>();
        try (PreparedStatement statement = Jobs.prepared(connection, ALL);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                places.add(new Place(
                        rows.getString("hub"),
                        rows.getLong("free_bytes"),
                        rows.getLong("promised"),
                        rows.getInt("vms"),
                        rows.getInt("jobs"),
                        Objects.requireNonNull(Jobs.time(rows, "heard_at"))));
            }
        }
        return places;
    }

    /**
     * Where a VM's next restore point goes: to where those before it are, else to where the most room is left of the hubs whose agents
     * see it, what others were promised taken off; and from now on there.
     *
     * @param asked where it goes if nobody else would have it
     */
    static String of(Connection connection, String vm, String asked, Instant now) throws SQLException {
        Optional<String> home = home(connection, vm);
        if (home.isPresent()) {
            return home.get();
        }
        Set<String> seeing = seeing(connection, vm);
        String chosen = seeing.size() < 2
                ? seeing.stream().findFirst().orElse(asked)
                : roomiest(connection, seeing, asked, now);
        settle(connection, vm, chosen, capacity(connection, vm));
        return chosen;
    }

    private static String roomiest(Connection connection, Set<String> seeing, String asked, Instant now)
            throws SQLException {
        return all(connection).stream()
                .filter(place -> seeing.contains(place.hub()) && place.isThere(now))
                .max(Comparator.comparingLong(Place::roomBytes)
                        .thenComparingInt(place -> -place.jobs())
                        .thenComparing(place -> place.hub().equals(asked))
                        .thenComparing(Place::hub))
                .map(Place::hub)
                .orElse(asked);
    }

    /** From now on it is there, whoever has restore points of it. */
    static void settle(Connection connection, String vm, String hub, long promisedBytes) throws SQLException {
        Jobs.run(connection, "delete from home where vm = ?", vm);
        insert(connection, vm, hub, promisedBytes, null, null);
    }

    /** There is a restore point of it now, so its room is taken up, and not only promised. */
    static void filled(Connection connection, String vm) throws SQLException {
        Jobs.run(connection, "update home set promised_bytes = 0 where vm = ?", vm);
    }

    /**
     * A hub has restore points of these VMs. What the database does not know, since it is new, is made out from that: a VM is where its
     * newest point is, and if two hubs have it, where it was sealed first, since the other is a copy.
     */
    static void claim(Connection connection, String hub, List<KeptVm> kept) throws SQLException {
        for (KeptVm vm : kept) {
            Instant sealed = vm.newestSealedAt();
            if (sealed == null) {
                continue;
            }
            Instant taken = Optional.ofNullable(vm.newestTakenAt()).orElse(sealed);
            try (PreparedStatement statement =
                            Jobs.prepared(connection, "select taken_at, sealed_at from home where vm = ?", vm.vm());
                    ResultSet row = statement.executeQuery()) {
                if (row.next() && !isBetter(taken, sealed, Jobs.time(row, "taken_at"), Jobs.time(row, "sealed_at"))) {
                    continue;
                }
            }
            Jobs.run(connection, "delete from home where vm = ?", vm.vm());
            insert(connection, vm.vm(), hub, 0, taken, sealed);
        }
    }

    private static boolean isBetter(
            Instant taken, Instant sealed, @Nullable Instant othersTaken, @Nullable Instant othersSealed) {
        if (othersTaken == null || othersSealed == null) {
            return false; // That was decided, not made out.
        }
        int newer = taken.compareTo(othersTaken);
        return newer > 0 || (newer == 0 && sealed.isBefore(othersSealed));
    }

    private static void insert(
            Connection connection,
            String vm,
            String hub,
            long promisedBytes,
            @Nullable Instant taken,
            @Nullable Instant sealed)
            throws SQLException {
        Jobs.run(
                connection,
                "insert into home (vm, hub, promised_bytes, taken_at, sealed_at) values (?, ?, ?, ?, ?)",
                vm,
                hub,
                promisedBytes,
                taken,
                sealed);
    }

    static Optional<String> home(Connection connection, String vm) throws SQLException {
        try (PreparedStatement statement = Jobs.prepared(connection, "select hub from home where vm = ?", vm);
                ResultSet row = statement.executeQuery()) {
            return row.next() ? Optional.of(row.getString("hub")) : Optional.empty();
        }
    }

    private static long capacity(Connection connection, String vm) throws SQLException {
        try (PreparedStatement statement = Jobs.prepared(
                        connection, "select coalesce(max(capacity_bytes), 0) from agent_vm where vm = ?", vm);
                ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getLong(1) : 0;
        }
    }

    private static Set<String> seeing(Connection connection, String vm) throws SQLException {
        Set<String> hubs = new HashSet<>();
        try (PreparedStatement statement =
                        Jobs.prepared(connection, "select distinct hub from agent_vm where vm = ?", vm);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                hubs.add(rows.getString("hub"));
            }
        }
        return hubs;
    }
}
