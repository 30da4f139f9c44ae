package io.migratekit.cli;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.TunnelSpec;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where is the road to an export on the hub broken? */
@Command(
        name = "check",
        description = {
            "Go the whole way to an NBD server behind SSH, hop by hop, and say where it ends.",
            "",
            "Address, connection, SSH version, host key, authentication, permission to forward, somebody listening, NBD"
                    + " greeting, and a second greeting while the first client is there. It stops at the first hop that is"
                    + " broken, with the cause and the remedy. Exit code 20: the tunnel; 30: nothing listens there; 31: no"
                    + " NBD greeting."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TunnelCheckCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            index = "0",
            paramLabel = "[USER@]HOST[:PORT]|NAME",
            description = "The SSH server in front of the export, or a tunnel of the configuration.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private String where;

    @Option(
            names = "--forward",
            paramLabel = "HOST:PORT|unix:PATH",
            description = "The NBD server as that host sees it, e.g. 127.0.0.1:10809 (default: the first forward of"
                    + " the configured tunnel that carries data).")
    private @Nullable String to;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private SshOptions ssh;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ConfigOptions config;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    TunnelCheckCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ConnectSpec connect = peer.connectSpec("check", console);
        Optional<TunnelConfig> configured = configured();
        TunnelSpec spec = configured
                .map(tunnel -> tunnel.spec()
                        .withLimits(tunnel.spec()
                                .limits()
                                .withTimeout(connect.limits().greeting())))
                .orElseGet(
                        () -> ssh.choice().spec("check", where, connect.limits().greeting()));
        Forward.Local forward = Optional.ofNullable(to)
                .map(text -> Forward.local(Forward.loopback(0), text, Forward.Traffic.DATA))
                .or(() -> configured.flatMap(TunnelConfig::firstDataForward))
                .orElseThrow(() -> new CommandFailed(
                        ExitCode.USAGE, "say with --forward which NBD server to look for behind " + spec.target()));
        String far = farEnd(forward);
        ProbeReport report = new ProbeReport(console.out(), json, "road", spec.target() + " -> " + far);
        if (!console.isVerbose()) {
            ConsoleLog.to(_ -> {}); // The report says it all; the tunnel's own log would say it a second time.
        }
        try {
            ProbeReport.Verdict verdict = new TunnelCheck(spec, forward, far, connect, report).run();
            report.verdict(verdict);
            return verdict.code().code();
        } finally {
            ConsoleLog.to(console::say);
        }
    }

    /** A word that could be both is a tunnel if the configuration has one of that name. */
    private Optional<TunnelConfig> configured() {
        return where.contains("@") || where.contains(":") || ssh.choice().given()
                ? Optional.empty()
                : config.find().flatMap(file -> file.tunnel(where));
    }

    private static String farEnd(Forward.Local forward) {
        return switch (forward) {
            case Forward.LocalTcp tcp -> tcp.hubHost() + ":" + tcp.hubPort();
            case Forward.LocalUnix unix -> "unix:" + unix.hubSocket();
        };
    }
}
