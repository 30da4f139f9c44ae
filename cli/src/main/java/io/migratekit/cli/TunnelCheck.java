package io.migratekit.cli;

import io.migratekit.cli.Finding.Status;
import io.migratekit.cli.ProbeReport.Verdict;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdNegotiation;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelSpec;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * How far does the road to an NBD server behind SSH go? Only an answer from the far end proves a
 * forward, so the check logs in once and then talks to the server through the tunnel that stands.
 */
final class TunnelCheck {
    /** A server with a free slot greets in milliseconds. */
    private static final Duration SECOND_GREETING = Duration.ofSeconds(3);

    private static final String GREETING = "nbd greeting";

    private final TunnelSpec spec;
    private final Forward.Local forward;
    private final String to;
    private final ConnectSpec connect;
    private final ProbeReport report;
    private final SshHops hops;

    /** @param to the far end as the user wrote it */
    TunnelCheck(TunnelSpec spec, Forward.Local forward, String to, ConnectSpec connect, ProbeReport report) {
        this.spec = spec.withForwards(forward).withDataLinks(1);
        this.forward = forward;
        this.to = to;
        this.connect = connect;
        this.report = report;
        this.hops = new SshHops(spec.target(), to, report::step);
    }

    Verdict run() {
        try (SshTunnel tunnel = SshTunnel.open(spec, hops)) {
            hops.begin();
            return greetings(tunnel);
        } catch (TunnelException.Cancelled e) {
            throw e;
        } catch (TunnelException e) {
            return verdict(hops.broken(e));
        }
    }

    private static Verdict verdict(Finding failure) {
        return new Verdict(Status.FAIL, failure.meaning(), failure.remedy(), failure.code());
    }

    private Verdict greetings(SshTunnel tunnel) {
        NbdUri uri = new NbdUri(
                to + " behind " + spec.target(),
                new NbdUri.Tcp("127.0.0.1", ((InetSocketAddress) tunnel.address(forward)).getPort()),
                "",
                Optional.empty(),
                Optional.empty());
        try (NbdNegotiation _ = NbdNegotiation.open(uri, connect)) {
            report.step(Finding.ok(GREETING, hops.sinceBegin(), ""));
            return second(uri);
        } catch (NbdException.Cancelled e) {
            throw e;
        } catch (NbdException e) {
            Duration took = hops.sinceBegin();
            Optional<TunnelException> cause = hops.reason(tunnel::state);
            if (cause.isPresent()) {
                return verdict(hops.shownOut(cause.get()));
            }
            Finding silence =
                    Finding.failed(GREETING, took, "", String.valueOf(e.getMessage()), remedy(e), ExitCode.of(e));
            report.step(silence);
            return verdict(silence);
        }
    }

    private Verdict second(NbdUri uri) {
        Duration limit = connect.limits().greeting().compareTo(SECOND_GREETING) < 0
                ? connect.limits().greeting()
                : SECOND_GREETING;
        hops.begin();
        try (NbdNegotiation _ = NbdNegotiation.open(
                uri,
                connect.withPurpose("check-second").withLimits(connect.limits().withGreeting(limit)))) {
            report.step(Finding.ok("second greeting", hops.sinceBegin(), "while the first client is there"));
            return new Verdict(
                    Status.OK,
                    "the whole road is open, and the server has room for several clients",
                    Optional.empty(),
                    ExitCode.DONE);
        } catch (NbdException.NoAnswer | NbdException.ConnectionLost | NbdException.Unreachable e) {
            report.step(new Finding(
                    "second greeting",
                    Status.WARN,
                    hops.sinceBegin(),
                    e instanceof NbdException.NoAnswer ? "none while the first client is there" : "turned away",
                    "",
                    Optional.empty(),
                    ExitCode.DONE));
            return new Verdict(
                    Status.WARN,
                    "the road is open, but the server had no room for a second client while the first was there",
                    Optional.of("give the server more client slots (start qemu-nbd with --shared=N, where N is the"
                            + " number of workers plus one), or end the clients that hold them."),
                    ExitCode.DONE);
        }
    }

    private String remedy(NbdException failure) {
        return failure instanceof NbdException.NoAnswer
                ? "on the hub: does the server run, is it stopped, and who holds its slots (ss -tnp)? Start qemu-nbd with"
                        + " --shared=N."
                : "on the hub: is it an NBD server that listens at " + to + "? Look into its log.";
    }
}
