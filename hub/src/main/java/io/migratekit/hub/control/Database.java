package io.migratekit.hub.control;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.migratekit.nbd.Secret;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Where is the queue kept? In a file beside the repository, or in a PostgreSQL that several hubs share. The same few words of SQL
 * do for both.
 */
public final class Database implements AutoCloseable {
    private static final int CONNECTIONS = 12;
    /** For a connection out of the pool, and for the database to answer that it is there. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final int STATEMENT_SECONDS = 30;
    /** What H2 says of a database that it has given up, most often since the disk is full. It opens it anew once nobody has it open. */
    private static final int GIVEN_UP = 90098;

    private static final List<String> TABLES = List.of(
            """
            create table if not exists scheduled_tasks (
              task_name varchar(100) not null, task_instance varchar(100) not null, task_data %BYTES%,
              execution_time timestamp with time zone, picked boolean not null, picked_by varchar(100),
              last_success timestamp with time zone, last_failure timestamp with time zone, consecutive_failures int,
              last_heartbeat timestamp with time zone, version bigint not null, priority smallint, state varchar(100),
              primary key (task_name, task_instance))
            """,
            "create index if not exists scheduled_due on scheduled_tasks (priority desc, execution_time)",
            "create index if not exists scheduled_beat on scheduled_tasks (last_heartbeat)",
            """
            create table if not exists job (
              id varchar(64) primary key, hub varchar(64) not null, vm varchar(64) not null, vm_name varchar(256) not null,
              state varchar(16) not null, priority smallint not null, whole boolean not null, asked_by varchar(128) not null,
              asked_at timestamp with time zone not null, not_before timestamp with time zone not null,
              agent varchar(64), uses varchar(8000) not null, attempt int not null, begun_at timestamp with time zone,
              heard_at timestamp with time zone, ended_at timestamp with time zone, code int, said varchar(4000),
              cancelled boolean not null)
            """,
            "create index if not exists job_state on job (state, priority desc, asked_at)",
            "create index if not exists job_vm on job (vm, asked_at)",
            """
            create table if not exists agent (
              name varchar(64) not null, hub varchar(64) not null, version varchar(200) not null, slots int not null,
              heard_at timestamp with time zone not null, discovery_wanted boolean not null,
              discovered_at timestamp with time zone, primary key (hub, name))
            """,
            """
            create table if not exists agent_vm (
              agent varchar(64) not null, vm varchar(64) not null, hub varchar(64) not null, name varchar(256) not null,
              vcenter varchar(256) not null, host varchar(256) not null, datastores varchar(4000) not null,
              disks int not null, seen_at timestamp with time zone not null, primary key (hub, agent, vm))
            """,
            "create index if not exists agent_vm_vm on agent_vm (vm)",
            """
            create table if not exists schedule (
              name varchar(64) not null, hub varchar(64) not null, cron varchar(200) not null, zone varchar(64) not null,
              vms varchar(4000) not null, jitter_seconds int not null, priority smallint not null,
              last_at timestamp with time zone, last_jobs int, primary key (hub, name))
            """,
            "alter table job add column if not exists hours varchar(100)",
            "alter table schedule add column if not exists hours varchar(100)",
            "alter table agent add column if not exists reached_port int",
            "alter table agent add column if not exists reached_token varchar(100)",
            "alter table agent_vm add column if not exists capacity_bytes bigint default 0 not null",
            """
            create table if not exists place (
              hub varchar(64) primary key, free_bytes bigint not null, heard_at timestamp with time zone not null)
            """,
            """
            create table if not exists home (
              vm varchar(64) primary key, hub varchar(64) not null, promised_bytes bigint not null,
              taken_at timestamp with time zone, sealed_at timestamp with time zone)
            """,
            "create index if not exists home_hub on home (hub)",
            "create table if not exists control (id int primary key, limits varchar(8000) not null)",
            "insert into control (id, limits) select 1, '{}' where not exists (select 1 from control where id = 1)");

    private final HikariDataSource pool;
    private final String where;

    /** Something to be done in one transaction. */
    interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    private Database(HikariConfig config, String where, boolean isPostgres) {
        this.where = where;
        config.setMaximumPoolSize(CONNECTIONS);
        config.setConnectionTimeout(PATIENCE.toMillis());
        config.setInitializationFailTimeout(PATIENCE.toMillis());
        config.setPoolName("control");
        try {
            pool = new HikariDataSource(config);
        } catch (RuntimeException e) {
            throw new ControlException.Unavailable(
                    "the database of jobs" + where + " cannot be opened: " + reason(e), e);
        }
        try {
            once(connection -> {
                try (Statement statement = connection.createStatement()) {
                    for (String table : TABLES) {
                        statement.execute(table.replace("%BYTES%", isPostgres ? "bytea" : "blob"));
                    }
                }
                return true;
            });
        } catch (RuntimeException e) {
            pool.close();
            throw e;
        }
    }

    /** In a file of this folder, for one process. What was answered is in the file: H2 would keep it back for half a second. */
    static Database embedded(Path folder) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:h2:file:" + folder.toAbsolutePath().resolve("jobs")
                + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0;TRACE_LEVEL_FILE=0;LOCK_TIMEOUT=" + STATEMENT_SECONDS * 1000);
        return new Database(config, " in " + folder, false);
    }

    /** A PostgreSQL, for as many processes as like. */
    static Database postgres(String url, Optional<String> user, @Nullable Secret password) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        user.ifPresent(config::setUsername);
        if (password != null) {
            config.setPassword(new String(password.reveal()));
        }
        config.addDataSourceProperty("socketTimeout", String.valueOf(STATEMENT_SECONDS));
        config.addDataSourceProperty("connectTimeout", String.valueOf(PATIENCE.toSeconds()));
        config.addDataSourceProperty("tcpKeepAlive", "true");
        return new Database(config, "", true);
    }

    DataSource source() {
        return pool;
    }

    /** Does all of it, or nothing. */
    <T> T once(Work<T> work) {
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            try {
                T result = work.on(connection);
                connection.commit();
                return result;
            } catch (SQLException | RuntimeException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(true);
            }
        } catch (SQLException e) {
            if (e.getErrorCode() == GIVEN_UP) {
                pool.getHikariPoolMXBean().softEvictConnections();
            }
            throw new ControlException.Unavailable(
                    "the database of jobs" + where + " does not do what it should: " + reason(e), e);
        }
    }

    /** Looks at all of it as it was at one moment, however many questions that takes. */
    <T> T atOneMoment(Work<T> work) {
        return once(connection -> {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            return work.on(connection);
        });
    }

    /** The same as {@link #once}, while nobody else decides what may begin. */
    <T> T alone(Work<T> work) {
        return once(connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(STATEMENT_SECONDS);
                statement.execute("select id from control where id = 1 for update");
            }
            return work.on(connection);
        });
    }

    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    @Override
    public void close() {
        pool.close();
    }
}
