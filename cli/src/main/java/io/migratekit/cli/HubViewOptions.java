package io.migratekit.cli;

import io.migratekit.agent.hub.HubClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which backups does a command mean: a hub's, or those in a folder? */
final class HubViewOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubOptions hub;

    @Option(
            names = "--repository",
            paramLabel = "DIR",
            description = "The folder itself, on its own host; to change something there no hub may serve it.")
    private @Nullable Path repository;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ConfigOptions config;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "15s",
            converter = Times.class,
            description = "Longest silence of the hub (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell on stderr what is being waited for; print stack traces.")
    private boolean verbose;

    Optional<ConfigFile> configuration() {
        return config.find();
    }

    boolean json() {
        return json;
    }

    /** The longest silence in one wait. */
    Duration timeout() {
        return timeout;
    }

    /** Opens what is meant, for as long as the question takes. */
    <T> T ask(Console console, Function<HubView, T> question) {
        return ask(console, Duration.ZERO, question);
    }

    /**
     * The same for what takes long.
     *
     * @param retryFor a hub that cannot be reached is asked again for so long
     */
    <T> T ask(Console console, Duration retryFor, Function<HubView, T> question) {
        if (verbose) {
            console.beVerbose();
        }
        if (repository == null) {
            hub.fillFrom(config.find(), road);
        }
        if (hub.given() == (repository != null)) {
            throw new ParameterException(
                    mixee.commandLine(),
                    "say which backups: those of a hub, with --hub or [hub] of the configuration, or those in a folder,"
                            + " with --repository");
        }
        if (repository != null) {
            return question.apply(new HubView.Folder(repository));
        }
        try (Way way = road.open(console, timeout, retryFor.isZero() ? timeout : retryFor);
                HubView view =
                        new HubView.Asked(console, hub.client(way, timeout, retryFor, new HubWords(console)), way)) {
            return Way.at(way, () -> question.apply(view));
        }
    }

    /** The hub itself, for what a folder cannot do. */
    HubClient requireHub(HubView view) {
        if (view instanceof HubView.Asked asked) {
            return asked.client();
        }
        throw new ParameterException(
                mixee.commandLine(), "this is for a hub that serves: --hub instead of --repository");
    }

    /** The id of a VM that was given by its id or its name. */
    static String vm(HubView view, String wanted) {
        List<String> called = view.vms().stream()
                .filter(vm -> HubText.text(vm, "id").equals(wanted)
                        || HubText.text(vm, "name").equals(wanted))
                .map(vm -> HubText.text(vm, "id"))
                .distinct()
                .toList();
        if (called.size() != 1) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    (called.isEmpty() ? "no VM is" : called.size() + " VMs are") + " called " + wanted
                            + (called.isEmpty() && view instanceof HubView.Asked
                                    ? "; `migratekit hub vms` shows those that are kept or that an agent has found (`migratekit"
                                            + " agent serve`, which looks every hour, or when told: `hub agents --discover`)"
                                    : "; `migratekit hub vms` shows them with their ids"));
        }
        return called.getFirst();
    }
}
