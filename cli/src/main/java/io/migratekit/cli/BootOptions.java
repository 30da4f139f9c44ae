package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.hub.guest.BootDisk;
import io.migratekit.hub.guest.BootFailed;
import io.migratekit.hub.guest.BootLimits;
import io.migratekit.hub.guest.BootProof;
import io.migratekit.hub.guest.BootRequest;
import io.migratekit.hub.guest.BootResult;
import io.migratekit.hub.guest.Machine;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.server.ServerFailed;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Is a restore point to be booted, too, and what is waited for then? */
final class BootOptions {
    private static final int CLIENTS = 4;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--boot",
            description =
                    "Start the restore point's disks from throw-away overlays in qemu, here and without a network,"
                            + " and wait for a sign of life. Ends with 50 if there is none.")
    private boolean boot;

    @Option(
            names = "--expect",
            paramLabel = "REGEX",
            description = "With --boot: only this counts, on the serial port or a screen in text mode.")
    private @Nullable String expect;

    @Option(
            names = "--screenshot",
            paramLabel = "FILE",
            description =
                    "With --boot: where the last picture of the screen goes; what the serial port said goes beside"
                            + " it (default: ID.png in the working directory).")
    private @Nullable Path screenshot;

    @Option(
            names = "--boot-limit",
            paramLabel = "TIME",
            defaultValue = "5m",
            converter = Times.class,
            description = "With --boot: how long to wait for a sign of life (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration limit;

    boolean isWanted() {
        return boot;
    }

    /** Before minutes are spent on anything. */
    void check(@Nullable String id) {
        if (!boot && (expect != null || screenshot != null)) {
            throw new ParameterException(mixee.commandLine(), "--expect and --screenshot mean nothing without --boot");
        }
        if (boot && id == null) {
            throw new ParameterException(mixee.commandLine(), "--boot wants one restore point: name it");
        }
        Optional<Pattern> _ = pattern();
    }

    private Optional<Pattern> pattern() {
        try {
            return Optional.ofNullable(expect).map(Pattern::compile);
        } catch (PatternSyntaxException e) {
            throw new ParameterException(
                    mixee.commandLine(), "--expect is no regular expression: " + e.getDescription());
        }
    }

    /** Boots it; what was seen. */
    JsonObject run(Console console, HubView view, String id) {
        JsonObject point = view.backup(id);
        List<Integer> keys = HubText.sealedDisks(point);
        Path picture = screenshot == null ? Path.of(id + ".png") : screenshot;
        console.say("booting " + id + "; waiting up to " + Durations.show(limit) + " for a sign of life");
        try (PointReading reading = view.read(new PointReading.Wanted(id, keys, CLIENTS))) {
            List<BootDisk> disks = keys.stream()
                    .map(key -> new BootDisk(
                            key,
                            reading.backing(key).name(),
                            reading.backing(key).format()))
                    .toList();
            BootRequest request = new BootRequest(
                    Machine.of(PointJson.read(point)),
                    disks,
                    pattern(),
                    picture,
                    BootRequest.Accelerator.BEST,
                    BootLimits.DEFAULTS.withLimit(limit));
            return json(BootProof.run(request));
        } catch (BootFailed | ServerFailed e) {
            throw new CommandFailed(ExitCode.FAILED, "it could not be tried: " + e.getMessage());
        }
    }

    private static JsonObject json(BootResult result) {
        JsonObject json = new JsonObject();
        json.addProperty("verdict", result.verdict().name().toLowerCase(Locale.ROOT));
        json.addProperty("sign", result.sign().name().toLowerCase(Locale.ROOT).replace('_', '-'));
        json.addProperty("why", result.why());
        json.addProperty("waitedMillis", result.waited().toMillis());
        json.addProperty("accelerator", result.accelerator());
        json.addProperty("screenshot", result.screenshot().toString());
        json.addProperty("serialLog", result.serialLog().toString());
        JsonArray lines = new JsonArray();
        result.lastLines().forEach(lines::add);
        json.add("lastLines", lines);
        return json;
    }

    static String text(JsonObject boot) {
        String verdict = HubText.text(boot, "verdict");
        return "%-8s %s, after %s on %s; picture: %s%n"
                .formatted(
                        verdict.equals("alive") ? "booted" : verdict.toUpperCase(Locale.ROOT),
                        Printable.of(HubText.text(boot, "why")),
                        Durations.show(Duration.ofMillis(HubText.number(boot, "waitedMillis"))),
                        HubText.text(boot, "accelerator"),
                        HubText.text(boot, "screenshot"));
    }

    static ExitCode code(JsonObject boot) {
        return switch (HubText.text(boot, "verdict")) {
            case "alive" -> ExitCode.DONE;
            case "unsure" -> ExitCode.FAILED;
            default -> ExitCode.VERIFICATION_MISMATCH;
        };
    }
}
