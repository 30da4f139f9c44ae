package io.migratekit.cli;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.serve.AgentService;
import io.migratekit.nbd.SdNotify;
import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.tunnel.Forward;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
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
    private static final Set<String> OWN = Set.of(
            "--name", "--slots", "--ask-every", "--discover-every", "--listen", "--reached-at", "--rate", "--verbose");

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");

    private static final String USUAL_PLACE = "127.0.0.1:8081";
    private static final String NOWHERE = "none";
    /** What was given to an agent that does not speak of it within a minute is taken from it again. */
    private static final Duration SELDOM = Duration.ofSeconds(30);

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

    @Option(
            names = "--ask-every",
            paramLabel = "TIME",
            defaultValue = "0s",
            converter = Times.class,
            description =
                    "Ask the hub so often what there is to do, 30s at the most, and when it calls (default: always, by"
                            + " questions that wait there for some seconds).")
    @SuppressWarnings("NullAway.Init")
    private Duration askEvery;

    @Option(
            names = "--listen",
            paramLabel = "ADDRESS:PORT|none",
            description = "Where this agent itself can be asked how it and its jobs are (default: " + USUAL_PLACE
                    + ", if nobody else is there). Its token is in agent/token of the state directory.")
    private @Nullable String listen;

    @Option(
            names = "--reached-at",
            paramLabel = "PORT",
            description =
                    "At this port of its own 127.0.0.1 the hub calls this agent: the far end of a reverse forward,"
                            + " which with --ssh is made here, and with --tunnel stands in the configuration. Without it the agent"
                            + " asks, and is never called.")
    private @Nullable Integer reachedAt;

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
        require(
                name == null || NAME.matcher(name).matches(),
                "--name is that of its token: letters, digits, '.', '_' or '-', 64 at the most");
        require(slots >= 1 && slots <= 1000, "--slots is 1 to 1000");
        require(askEvery.compareTo(SELDOM) <= 0, "--ask-every is " + SELDOM.toSeconds() + "s at the most");
        require(reachedAt == null || (reachedAt >= 1 && reachedAt <= 65_535), "--reached-at is a port, 1 to 65535");
        require(reachedAt == null || !NOWHERE.equals(listen), "--reached-at leads to where this agent listens");
        InetSocketAddress at = place();
        // A mistake in the words for backups is told now, not by each of them.
        var _ = diskServer.spec();
        var _ = engine.limits(CopyLimits.DEFAULT.requestBytes());
        hub.fillFrom(vmware.config().find(), road);
        SdNotify systemd = SdNotify.of(System.getenv());
        JobStore store = state.store();
        try (ProcessLock _ = AgentService.folder(store).tryLock().orElseThrow(() -> another(store));
                Way way = road.open(console, peer.timeout(), engine.retryFor());
                HubClient client = hub.client(way, peer.timeout(), Duration.ZERO, new HubWords(console));
                AgentService agent = new AgentService(
                        new AgentService.Spec(
                                name == null ? hostName() : name,
                                new Main.Version().getVersion()[0],
                                slots,
                                askEvery,
                                discoverEvery,
                                reachedAt == null ? OptionalInt.empty() : OptionalInt.of(reachedAt),
                                engine.bytesPerSecond(),
                                vmware.spec(peer.timeout()),
                                store,
                                jobWords()),
                        client)) {
            listen(agent, at, way);
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

    private static CommandFailed another(JobStore store) {
        return new CommandFailed(
                ExitCode.LOCKED,
                "another agent serves with the state directory " + store.path() + "; each has its own (--state-dir)");
    }

    private @Nullable InetSocketAddress place() {
        if (NOWHERE.equals(listen)) {
            return null;
        }
        SocketAddress at = Forward.near(listen == null ? USUAL_PLACE : listen);
        require(
                at instanceof InetSocketAddress tcp && tcp.getAddress().isLoopbackAddress(),
                "--listen is a loopback address and a port, such as " + USUAL_PLACE);
        return (InetSocketAddress) at;
    }

    private void listen(AgentService agent, @Nullable InetSocketAddress at, @Nullable Way way) throws IOException {
        if (at == null) {
            return;
        }
        try {
            agent.listen(at);
        } catch (BindException e) {
            if (listen != null || reachedAt != null) {
                throw new CommandFailed(
                        ExitCode.USAGE,
                        Forward.show(at) + " cannot be listened at: " + SafeFiles.reason(e)
                                + "; --listen names another place,"
                                + (reachedAt == null ? " or 'none'" : " to which the forward has to lead"));
            }
            console.say("this agent itself cannot be asked anything, since " + USUAL_PLACE
                    + " is taken; --listen names another place");
            return;
        }
        if (way != null && reachedAt != null) {
            way.callBack(reachedAt, at);
        }
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(spec.commandLine(), rule);
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
                if (agent.isAlive()) {
                    systemd.alive();
                }
                TimeUnit.MILLISECONDS.sleep(every.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
