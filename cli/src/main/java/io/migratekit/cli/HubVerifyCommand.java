package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

/** Is what is kept still what it was? */
@Command(
        name = "verify",
        description = {
            "Look whether restore points are still what they were: all of them, those of a VM, or one with all that it"
                    + " stands on.",
            "",
            "Structure, records, what each layer stands on, and all content: read through the chain and compared with"
                    + " the hashes of the seal. What is found names the layer, the place on the disk, and the restore"
                    + " points that read wrong because of it; it is remembered, and no backup stands on it any more."
                    + " What was verified longest ago comes first. Ends with 51 if anything is damaged."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubVerifyCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ProgressOptions progress;

    @Parameters(paramLabel = "ID", arity = "0..1", description = "Only this restore point, with all that it stands on.")
    private @Nullable String id;

    @Option(names = "--vm", paramLabel = "VM", description = "Only those of this VM, by its id or name.")
    private @Nullable String vm;

    @Option(
            names = "--older-than",
            paramLabel = "TIME",
            converter = Times.class,
            description = "Pass over what was verified since, such as 7d (default: nothing is).")
    private @Nullable Duration olderThan;

    @Option(
            names = "--rate",
            paramLabel = "BYTES",
            converter = SizeConverter.class,
            defaultValue = "0",
            description = "Read at most so much a second, e.g. 50M (default: no limit).")
    private long rate;

    HubVerifyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (id != null && vm != null) {
            throw new ParameterException(spec.commandLine(), "name a restore point or a VM, not both");
        }
        JsonObject report = hub.ask(console, this::verify);
        console.out().print(hub.json() ? report + "\n" : text(report));
        if (!report.getAsJsonArray("damage").isEmpty()
                || !report.getAsJsonArray("unreadable").isEmpty()) {
            return ExitCode.CHAIN_BROKEN.code();
        }
        if (!report.getAsJsonArray("failures").isEmpty()) {
            return ExitCode.FAILED.code();
        }
        return (report.get("whole").getAsBoolean() ? ExitCode.DONE : ExitCode.INTERRUPTED).code();
    }

    private JsonObject verify(HubView view) {
        VerifyProgress told = new VerifyProgress();
        try (ProgressDisplay display = progress.display(console, told::view)) {
            display.start();
            List<JsonObject> reports = new ArrayList<>();
            for (String one : vms(view)) {
                reports.add(view.verify(
                        new HubView.Verify(one, Optional.ofNullable(id), Optional.ofNullable(olderThan), rate),
                        told::at));
                told.next();
                if (Thread.currentThread().isInterrupted()) {
                    break;
                }
            }
            return together(reports);
        }
    }

    private List<String> vms(HubView view) {
        if (id != null) {
            return List.of(HubText.text(view.backup(id), "vm"));
        }
        if (vm != null) {
            return List.of(HubViewOptions.vm(view, vm));
        }
        Map<String, String> oldest = new HashMap<>();
        for (JsonObject backup : HubText.objects(view.list(Optional.empty()), "backups")) {
            oldest.merge(
                    HubText.text(backup, "vm"),
                    HubText.text(backup, "provedAt"),
                    (one, other) -> one.compareTo(other) < 0 ? one : other);
        }
        // Those first of which something was never verified, or longest ago.
        return oldest.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** One report of all. */
    private static JsonObject together(List<JsonObject> reports) {
        JsonObject all = new JsonObject();
        all.addProperty(
                "whole", reports.stream().allMatch(one -> one.get("whole").getAsBoolean()));
        for (String count : List.of("layers", "passedOver", "readBytes")) {
            all.addProperty(
                    count,
                    reports.stream()
                            .mapToLong(one -> HubText.number(one, count))
                            .sum());
        }
        for (String list : List.of("damage", "good", "failures", "unreadable")) {
            JsonArray array = new JsonArray();
            reports.forEach(one -> array.addAll(one.getAsJsonArray(list)));
            all.add(list, array);
        }
        return all;
    }

    private static String text(JsonObject report) {
        StringBuilder text = new StringBuilder();
        for (JsonObject damage : HubText.objects(report, "damage")) {
            text.append("DAMAGED  ").append(HubText.text(damage, "layer"));
            if (damage.has("offset")) {
                text.append(", ")
                        .append(Sizes.rounded(HubText.number(damage, "length")))
                        .append(" at offset ")
                        .append(HubText.number(damage, "offset"))
                        .append(" of disk ")
                        .append(HubText.text(damage, "disk"));
            }
            text.append(": ").append(Printable.of(HubText.text(damage, "what"))).append('\n');
            String points = words(damage, "points");
            text.append("         ")
                    .append(points.isEmpty() ? "no restore point is" : "not what they were because of it: " + points)
                    .append(points.isEmpty() ? " wrong because of it" : "")
                    .append('\n');
        }
        for (JsonObject record : HubText.objects(report, "unreadable")) {
            text.append("DAMAGED  ")
                    .append(HubText.text(record, "file"))
                    .append(": ")
                    .append(Printable.of(HubText.text(record, "why")))
                    .append('\n');
        }
        report.getAsJsonArray("failures")
                .forEach(one -> text.append("UNKNOWN  ")
                        .append(Printable.of(one.getAsString()))
                        .append('\n'));
        String good = words(report, "good");
        text.append(good.isEmpty() ? "" : "good     " + good + "\n");
        long passedOver = HubText.number(report, "passedOver");
        text.append("%d layers looked at, %s read and compared%s%s%n"
                .formatted(
                        HubText.number(report, "layers"),
                        Sizes.rounded(HubText.number(report, "readBytes")),
                        passedOver == 0 ? "" : ", " + passedOver + " passed over",
                        report.get("whole").getAsBoolean() ? "" : "; ended before all was looked at"));
        return text.toString();
    }

    private static String words(JsonObject json, String list) {
        return json.getAsJsonArray(list).asList().stream()
                .map(JsonElement::getAsString)
                .collect(Collectors.joining(" "));
    }
}
