package io.migratekit.cli;

import io.migratekit.hub.Alarms;
import io.migratekit.hub.Hub;
import io.migratekit.hub.Verifying;
import io.migratekit.hub.Webhook;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.api.HubService;
import io.migratekit.hub.api.HubSettings;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.export.Places;
import io.migratekit.nbd.SdNotify;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How is a repository served to agents? Until a signal comes, telling systemd that it is alive. */
@Command(
        name = "serve",
        description = {
            "Keep backups in a folder, and give agents places to write them into, until a signal comes.",
            "",
            "Agents speak HTTP (hub/openapi.yaml) with a token of `migratekit hub token add`; over a unix socket none is"
                    + " needed. The exports that they are given listen on ports of loopback, which every user of this host"
                    + " can reach: let nobody else log in here, or use --exports unix."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubServeCommand implements Callable<Integer> {
    /** Exports end beside each other, but a seal that runs may be in the middle of a write. */
    private static final Duration GOOD_ORDER = Duration.ofSeconds(30);

    private static final Pattern ADDRESS = Pattern.compile("(127\\.[0-9.]{5,11}|localhost|\\[::1\\]):([0-9]{1,5})");

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Option(
            names = "--repository",
            paramLabel = "DIR",
            required = true,
            description = "The folder that keeps the backups; made if it is not there.")
    @SuppressWarnings("NullAway.Init")
    private Path repository;

    @Option(
            names = "--listen",
            paramLabel = "ADDR",
            defaultValue = "127.0.0.1:9080",
            description =
                    "Where the API listens: 127.0.0.1:PORT or unix:PATH; may be repeated (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private List<String> listen;

    @Option(
            names = "--exports",
            paramLabel = "KIND",
            defaultValue = "tcp",
            description =
                    "Exports listen on tcp ports, or on unix sockets: unix, or unix:DIR (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private String exports;

    @Option(
            names = "--ports",
            paramLabel = "A-B",
            defaultValue = "10809-10908",
            description = "Ports for exports, one for each disk of each backup under way (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private String ports;

    @Option(
            names = "--keep-at-least",
            paramLabel = "TIME",
            defaultValue = "7d",
            converter = Times.class,
            description = "For so long nobody can delete a restore point (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration keepAtLeast;

    @Option(
            names = "--reserve",
            paramLabel = "SIZE",
            defaultValue = "10G",
            converter = SizeConverter.class,
            description = "Space that has to stay free; below it no backup begins (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Long reserve;

    @Option(
            names = "--verify-every",
            paramLabel = "TIME",
            defaultValue = "30d",
            converter = Times.class,
            description =
                    "Verify by itself what was not verified for so long; 0s: nothing (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration verifyEvery;

    @Option(
            names = "--verify-rate",
            paramLabel = "SIZE",
            defaultValue = "50M",
            converter = SizeConverter.class,
            description = "Read at most so much a second for that (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Long verifyRate;

    @Option(
            names = "--alarm-after",
            paramLabel = "TIME",
            defaultValue = "26h",
            converter = Times.class,
            description =
                    "Alarm when a VM's newest good restore point is older; 0s: never (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration alarmAfter;

    @Option(
            names = "--alarm-space",
            paramLabel = "TIME",
            defaultValue = "7d",
            converter = Times.class,
            description = "Alarm when the free space lasts for less, at the pace of the last week; 0s: never (default:"
                    + " ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration alarmSpace;

    @Option(
            names = "--webhook-file",
            paramLabel = "FILE",
            description =
                    "File whose first line is an http or https URL: alarms are posted there as JSON when they begin"
                            + " and end. A file, since such a URL often holds a secret.")
    private @Nullable Path webhookFile;

    @Option(
            names = "--database",
            paramLabel = "URL",
            description =
                    "Keep jobs and schedules in this PostgreSQL, jdbc:postgresql://HOST/NAME, which hubs may share"
                            + " (default: a file in the repository).")
    private @Nullable String database;

    @Option(names = "--database-user", paramLabel = "NAME", description = "Who we are there.")
    private @Nullable String databaseUser;

    @Option(
            names = "--database-password-file",
            paramLabel = "FILE",
            description = "File whose first line is the password there.")
    private @Nullable Path databasePasswordFile;

    @Option(
            names = "--lost-after",
            paramLabel = "TIME",
            defaultValue = "10m",
            converter = Times.class,
            description =
                    "An agent that was not heard for so long loses its jobs to others; one minute at least (default:"
                            + " ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration lostAfter;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell each step on stderr; print stack traces.")
    private boolean verbose;

    HubServeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (verbose) {
            console.beVerbose();
        }
        Main.leaveWithin(GOOD_ORDER);
        HubSettings settings = new HubSettings(
                repository,
                listens(),
                places(),
                keepAtLeast,
                reserve,
                habits(),
                control(),
                lostAfter(),
                new Main.Version().getVersion()[0]);
        SdNotify systemd = SdNotify.of(System.getenv());
        try (HubService hub = started(settings)) {
            console.say("hub serves " + settings.repository() + " at " + String.join(" and ", hub.addresses()));
            systemd.ready();
            systemd.status("serves " + settings.repository() + " at " + String.join(" and ", hub.addresses()));
            stayAlive(hub, systemd);
            systemd.stopping();
            return ExitCode.INTERRUPTED.code();
        }
    }

    private Duration lostAfter() {
        if (lostAfter.compareTo(Duration.ofMinutes(1)) < 0) {
            throw mistake("--lost-after is one minute at least: an agent may be started anew, or be away for a moment");
        }
        return lostAfter;
    }

    private Control control() {
        if (database == null) {
            if (databaseUser != null || databasePasswordFile != null) {
                throw mistake("--database-user and --database-password-file are for --database");
            }
            return new Control.Embedded();
        }
        if (!database.startsWith("jdbc:postgresql://") || database.matches("(?i).*[?&]password=.*")) {
            throw mistake(
                    "--database is jdbc:postgresql://HOST/NAME, and the password stands in --database-password-file");
        }
        return new Control.Shared(
                database,
                Optional.ofNullable(databaseUser),
                databasePasswordFile == null ? null : SecretFile.read("password", databasePasswordFile));
    }

    private Hub.Habits habits() {
        Optional<Webhook> webhook = Optional.ofNullable(webhookFile).map(file -> {
            try {
                return new Webhook(
                        URI.create(new String(SecretFile.read("webhook", file).reveal())));
            } catch (IllegalArgumentException e) {
                throw mistake("--webhook-file: the first line of " + file + " is no http or https URL");
            }
        });
        return new Hub.Habits(
                new Verifying.Habit(verifyEvery, verifyRate),
                new Alarms.Settings(alarmAfter, alarmSpace, reserve, webhook));
    }

    private static HubService started(HubSettings settings) {
        try {
            return HubService.start(settings);
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.LOCAL_STATE, "the hub cannot be served: " + e.getMessage());
        }
    }

    /** Comes back when the thread is interrupted, which is what a signal does. */
    private static void stayAlive(HubService hub, SdNotify systemd) {
        Duration every = systemd.aliveEvery();
        try {
            while (true) {
                TimeUnit.MILLISECONDS.sleep(every.toMillis());
                if (hub.isAlive()) {
                    systemd.alive();
                }
            }
        } catch (InterruptedException e) {
            // The end is left to those who wait with limits of their own; they must not find us interrupted.
        }
    }

    private List<Listen> listens() {
        List<Listen> all = new ArrayList<>();
        for (String one : listen) {
            Matcher address = ADDRESS.matcher(one);
            if (one.startsWith("unix:") && one.length() > 5) {
                all.add(new Listen.Unix(Path.of(one.substring(5)).toAbsolutePath()));
            } else if (address.matches() && Integer.parseInt(address.group(2)) <= 65535) {
                all.add(new Listen.Tcp(new InetSocketAddress(
                        InetAddress.ofLiteral(address.group(1).replace("localhost", "127.0.0.1")),
                        Integer.parseInt(address.group(2)))));
            } else {
                throw mistake("--listen: " + one + " is neither 127.0.0.1:PORT nor unix:PATH; others reach the hub"
                        + " through SSH");
            }
        }
        return all;
    }

    private Places places() {
        if (exports.equals("unix") || (exports.startsWith("unix:") && exports.length() > 5)) {
            try {
                return new Places.Sockets(
                        exports.equals("unix") ? repository.resolve("exports") : Path.of(exports.substring(5)));
            } catch (IllegalArgumentException e) {
                throw mistake("--exports: " + e.getMessage());
            }
        }
        if (!exports.equals("tcp")) {
            throw mistake("--exports: tcp, unix or unix:DIR, not " + exports);
        }
        try {
            return Places.Ports.parse(ports)
                    .orElseThrow(() -> mistake("--ports: " + ports + " is not a range such as 10809-10908"));
        } catch (IllegalArgumentException e) {
            throw mistake("--ports: " + e.getMessage());
        }
    }

    private ParameterException mistake(String words) {
        return new ParameterException(spec.commandLine(), words);
    }
}
