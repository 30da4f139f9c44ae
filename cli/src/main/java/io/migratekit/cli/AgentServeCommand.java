package io.migratekit.cli;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.serve.AgentService;
import io.migratekit.nbd.SdNotify;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How does a hub get its backups made? Until a signal comes. */
@Command(
        name = "serve",
        description = {
            "Tell a hub which VMs there are, and back up those that it asks for, until a signal comes.",
            "",
            "Each backup is a process of its own, `migratekit migrate` with the options given here; it goes on when this one"
                    + " ends, and is found again by the next. The token has to have this agent's name."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class AgentServeCommand implements Callable<Integer> {
    /** A loop that has not come round for so long hangs; a hub that is away does not stop it. */
    private static final Duration HANGS = Duration.ofMinutes(5);

    private static final Set<String> OWN = Set.of("--name", "--slots", "--discover-every", "--verbose");

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "By which the hub knows this agent (default: the host's name).")
    private @Nullable String name;

    @Option(
            names = "--slots",
            paramLabel = "N",
            defaultValue = "4",
            description = "Make so many backups at the same time (default: ${DEFAULT-VALUE}).")
    private int slots;

    @Option(
            names = "--discover-every",
            paramLabel = "TIME",
            defaultValue = "1h",
            converter = Times.class,
            description = "Look so often which VMs there are (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration discoverEvery;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private VmwareOptions vmware;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private DiskServerOptions diskServer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private CopyOptions engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubOptions hub;

    AgentServeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (slots < 1 || slots > 1000) {
            throw new ParameterException(spec.commandLine(), "--slots is 1 to 1000");
        }
        // A mistake in the words for backups is told now, not by each of them.
        var _ = diskServer.spec();
        var _ = engine.limits(CopyLimits.DEFAULT.requestBytes());
        hub.fillFrom(vmware.config().find(), road);
        SdNotify systemd = SdNotify.of(System.getenv());
        try (Way way = road.open(console, peer.timeout(), engine.retryFor());
                HubClient client = hub.client(way, peer.timeout(), Duration.ZERO, new HubWords(console));
                AgentService agent = new AgentService(
                        new AgentService.Spec(
                                name == null ? hostName() : name,
                                new Main.Version().getVersion()[0],
                                slots,
                                discoverEvery,
                                vmware.spec(peer.timeout()),
                                state.store(),
                                jobWords()),
                        client)) {
            systemd.ready();
            Thread watch = Thread.ofPlatform().daemon().name("agent-watch").start(() -> watch(agent, systemd));
            agent.run();
            systemd.stopping();
            watch.interrupt();
            return ExitCode.INTERRUPTED.code();
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.LOCAL_STATE, "the agent cannot serve: " + SafeFiles.reason(e));
        }
    }

    /** What was said to us is said to each backup, but what is about serving. */
    private List<String> jobWords() {
        List<String> words = new ArrayList<>();
        for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
            String longest = option.longestName();
            if (longest.equals("--vmware-password-fd")) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--vmware-password-fd can be read once, and each backup needs the password; give a file");
            }
            if (OWN.contains(longest)) {
                continue;
            }
            for (String value : option.originalStringValues()) {
                words.add(option.typeInfo().isBoolean() && option.arity().max() == 0 ? longest : longest + "=" + value);
            }
        }
        return words;
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9._-]", "-");
        } catch (UnknownHostException e) {
            return "agent";
        }
    }

    private static void watch(AgentService agent, SdNotify systemd) {
        Duration every = systemd.aliveEvery();
        try {
            while (true) {
                systemd.status(agent.status());
                if (agent.turnedWithin(HANGS)) {
                    systemd.alive();
                }
                TimeUnit.MILLISECONDS.sleep(every.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
