package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** When are VMs backed up without anybody asking? */
@Command(
        name = "schedule",
        description = {
            "List the hub's schedules, set one, or remove one.",
            "",
            "At its time a schedule asks for a backup of each VM whose name or id fits one of its patterns, as `hub start`"
                    + " does. A time that is missed, since the hub was down, comes once when it is up again."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubScheduleCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "The schedule to set or to remove.")
    private @Nullable String name;

    @Option(
            names = "--at",
            paramLabel = "CRON",
            description = "Its time, as crontab has it: minute, hour, day, month, weekday, such as '30 22 * * 1-5'.")
    private @Nullable String at;

    @Option(names = "--vm", paramLabel = "PATTERN", description = "A VM's name or id, with * and ?; may be repeated.")
    private List<String> vms = new ArrayList<>();

    @Option(
            names = "--zone",
            paramLabel = "ZONE",
            description = "Whose clock, such as Europe/Berlin (default: the hub's).")
    private @Nullable String zone;

    @Option(
            names = "--hours",
            paramLabel = "FROM-TO",
            description =
                    "Its backups begin only then, such as 22:00-06:00; what still waits at the end begins when they come"
                            + " again. What runs goes on.")
    private @Nullable String hours;

    @Option(
            names = "--spread",
            paramLabel = "TIME",
            defaultValue = "0s",
            converter = Times.class,
            description = "Spread its backups over so much time (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration spread;

    @Option(
            names = "--priority",
            paramLabel = "N",
            defaultValue = "0",
            description = "Higher ones begin first, -100 to 100 (default: ${DEFAULT-VALUE}).")
    private int priority;

    @Option(names = "--remove", description = "Remove it.")
    private boolean remove;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    HubScheduleCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        boolean sets = at != null || !vms.isEmpty();
        require(name != null || !(sets || remove), "name the schedule");
        require(!(sets && remove), "--remove goes alone");
        require(!sets || (at != null && !vms.isEmpty()), "a schedule needs --at and --vm");
        return hub.ask(console, view -> schedules(hub.requireHub(view), sets));
    }

    private int schedules(HubClient client, boolean sets) {
        String wanted = name;
        if (wanted != null && remove) {
            client.deleteSchedule(wanted);
            console.say("schedule " + wanted + " is removed");
            return ExitCode.DONE.code();
        }
        if (wanted != null && sets) {
            client.putSchedule(wanted, schedule());
        }
        List<JsonObject> schedules = client.schedules().stream()
                .filter(one -> wanted == null || HubText.text(one, "name").equals(wanted))
                .toList();
        if (wanted != null && schedules.isEmpty()) {
            throw new CommandFailed(ExitCode.USAGE, "there is no schedule " + wanted);
        }
        if (hub.json()) {
            console.out().println(Answers.list("schedules", schedules));
        } else {
            print(schedules);
        }
        return ExitCode.DONE.code();
    }

    private JsonObject schedule() {
        JsonObject schedule = new JsonObject();
        schedule.addProperty("cron", at);
        if (zone != null) {
            schedule.addProperty("zone", zone);
        }
        if (hours != null) {
            schedule.addProperty("hours", hours);
        }
        JsonArray patterns = new JsonArray();
        for (String vm : vms) {
            JsonObject pattern = new JsonObject();
            pattern.addProperty("pattern", vm);
            patterns.add(pattern);
        }
        schedule.add("vms", patterns);
        schedule.addProperty("jitterSeconds", spread.toSeconds());
        schedule.addProperty("priority", priority);
        return schedule;
    }

    private void print(List<JsonObject> schedules) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("NAME", "AT", "HOURS", "ZONE", "VMS", "NEXT", "LAST", "JOBS"));
        for (JsonObject one : schedules) {
            rows.add(List.of(
                    HubText.text(one, "name"),
                    HubText.text(one, "cron"),
                    one.has("hours") ? HubText.text(one, "hours") : "-",
                    HubText.text(one, "zone"),
                    HubText.objects(one, "vms").stream()
                            .map(vm -> Printable.of(HubText.text(vm, "pattern")))
                            .collect(Collectors.joining(" ")),
                    one.has("nextAt") ? HubText.time(one, "nextAt") : "never",
                    one.has("lastAt") ? HubText.time(one, "lastAt") : "-",
                    one.has("lastJobs") ? HubText.text(one, "lastJobs") : "-"));
        }
        Columns.print(console.out(), rows);
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(spec.commandLine(), rule);
        }
    }
}
