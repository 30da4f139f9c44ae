package io.migratekit.cli;

import io.migratekit.nbd.SdNotify;
import io.migratekit.tunnel.service.RuntimeDirectory;
import io.migratekit.tunnel.service.TunnelService;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How are tunnels kept up for others? Until a signal comes, telling systemd how they are. */
@Command(
        name = "run",
        description = {
            "Keep tunnels of the configuration up until a signal comes.",
            "",
            "A link that is lost is made anew for ever, after pauses that grow to half a minute. `migratekit tunnel"
                    + " status` asks how it is. Under systemd (Type=notify) it is ready when the hub has let it in, and"
                    + " is seen alive only while the hub answers."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TunnelRunCommand implements Callable<Integer> {
    private static final Duration TICK = Duration.ofMillis(250);
    private static final Duration STATUS_EVERY = Duration.ofSeconds(5);

    private final Console console;

    @Parameters(arity = "1..*", paramLabel = "NAME", description = "The tunnel of this name: [tunnel.NAME].")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private List<String> names;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ConfigOptions config;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell each step on stderr; print stack traces.")
    private boolean verbose;

    TunnelRunCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (verbose) {
            console.beVerbose();
        }
        ConfigFile file = config.require();
        List<TunnelConfig> wanted =
                names.stream().distinct().map(file::requireTunnel).toList();
        RuntimeDirectory directory = RuntimeDirectory.byDefault(System.getenv());
        SdNotify systemd = SdNotify.of(System.getenv());
        List<TunnelService> services = new ArrayList<>();
        try {
            for (TunnelConfig tunnel : wanted) {
                services.add(TunnelService.start(tunnel.spec(), tunnel.health(), directory));
            }
            watch(services, systemd);
            return ExitCode.INTERRUPTED.code();
        } finally {
            systemd.stopping();
            services.forEach(TunnelService::close);
        }
    }

    /** Comes back when the thread is interrupted, which is what a signal does. */
    private static void watch(List<TunnelService> services, SdNotify systemd) {
        boolean ready = false;
        String told = "";
        long toldNanos = System.nanoTime();
        Duration aliveEvery = systemd.aliveEvery();
        long aliveNanos = System.nanoTime() - aliveEvery.toNanos();
        while (true) {
            long now = System.nanoTime();
            String line = services.stream().map(TunnelService::line).collect(Collectors.joining(" | "));
            boolean other = !beginning(line).equals(beginning(told));
            if (other || (!line.equals(told) && now - toldNanos >= STATUS_EVERY.toNanos())) {
                systemd.status(line);
                told = line;
                toldNanos = now;
            }
            if (!ready && services.stream().allMatch(TunnelService::isReady)) {
                ready = true;
                systemd.ready();
            }
            // A process that goes round and a hub that answers nothing are not a tunnel that is alive.
            if (now - aliveNanos >= aliveEvery.toNanos() && services.stream().allMatch(TunnelService::isAlive)) {
                systemd.alive();
                aliveNanos = now;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(TICK.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** The states; what follows in a line changes all the time. */
    private static String beginning(String line) {
        return line.replaceAll(" (up|down|connecting)\\b[^|]*", " $1");
    }
}
