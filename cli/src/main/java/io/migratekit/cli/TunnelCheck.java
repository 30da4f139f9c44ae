package io.migratekit.cli;

import io.migratekit.cli.ProbeReport.Status;
import io.migratekit.cli.ProbeReport.Verdict;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdNegotiation;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.HopListener;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.Step;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelSpec;
import io.migratekit.tunnel.TunnelState;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How far does the road to an NBD server behind SSH go? Only an answer from the far end proves a
 * forward, so the check logs in once and then talks to the server through the tunnel that stands.
 */
final class TunnelCheck implements HopListener {
    /** A server with a free slot greets in milliseconds. */
    private static final Duration SECOND_GREETING = Duration.ofSeconds(3);
    /** The tunnel cuts a client off just after it has told why. */
    private static final Duration REASON = Duration.ofSeconds(1);

    private static final String GREETING = "nbd greeting";

    private final TunnelSpec spec;
    private final Forward.Local forward;
    private final String to;
    private final ConnectSpec connect;
    private final ProbeReport report;
    private final Object told = new Object();
    private Step next = Step.RESOLVE;
    private long begunNanos = System.nanoTime();
    private String seen = "";
    private boolean forwarded;
    private @Nullable TunnelException refusal;

    /** @param to the far end as the user wrote it */
    TunnelCheck(TunnelSpec spec, Forward.Local forward, String to, ConnectSpec connect, ProbeReport report) {
        this.spec = spec.withForwards(forward).withDataLinks(1);
        this.forward = forward;
        this.to = to;
        this.connect = connect;
        this.report = report;
    }

    Verdict run() {
        try (SshTunnel tunnel = SshTunnel.open(spec, this)) {
            begin();
            return greetings(tunnel);
        } catch (TunnelException.Cancelled e) {
            throw e;
        } catch (TunnelException e) {
            return broken(hopOf(e), e);
        }
    }

    private Verdict greetings(SshTunnel tunnel) {
        NbdUri uri = new NbdUri(
                to + " behind " + spec.target(),
                new NbdUri.Tcp("127.0.0.1", ((InetSocketAddress) tunnel.address(forward)).getPort()),
                "",
                Optional.empty(),
                Optional.empty());
        try (NbdNegotiation _ = NbdNegotiation.open(uri, connect)) {
            report.step(GREETING, Status.OK, sinceBegin(), "");
            return second(uri);
        } catch (NbdException.Cancelled e) {
            throw e;
        } catch (NbdException e) {
            Duration took = sinceBegin();
            Optional<TunnelException> cause = reason(tunnel);
            if (cause.isPresent()) {
                return shownOut(cause.get());
            }
            report.step(GREETING, Status.FAIL, took, "");
            return new Verdict(Status.FAIL, String.valueOf(e.getMessage()), Optional.of(remedy(e)), ExitCode.of(e));
        }
    }

    /** Why the tunnel itself ended the conversation, if it did. */
    private Optional<TunnelException> reason(SshTunnel tunnel) {
        long until = System.nanoTime() + REASON.toNanos();
        synchronized (told) {
            while (refusal == null && !forwarded && System.nanoTime() < until) {
                try {
                    TimeUnit.MILLISECONDS.timedWait(told, 50);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return Optional.empty();
                }
            }
            if (refusal != null) {
                return Optional.of(refusal);
            }
        }
        return tunnel.state() instanceof TunnelState.Down down ? Optional.of(down.cause()) : Optional.empty();
    }

    private Verdict shownOut(TunnelException cause) {
        if (cause instanceof TunnelException.ForwardRefused no && no.reason().startsWith("connect failed")) {
            report.step("forward", Status.OK, sinceBegin(), "allowed");
            report.step("listening", Status.FAIL, Duration.ZERO, no.reason());
            return new Verdict(
                    Status.FAIL,
                    cause.getMessage(),
                    Optional.of("start the export on the hub, or correct " + to + "; on the hub `ss -lnp` tells what"
                            + " listens."),
                    ExitCode.NBD_UNREACHABLE);
        }
        return broken(cause instanceof TunnelException.LinkLost ? "session" : "forward", cause);
    }

    private Verdict second(NbdUri uri) {
        Duration limit = connect.limits().greeting().compareTo(SECOND_GREETING) < 0
                ? connect.limits().greeting()
                : SECOND_GREETING;
        begin();
        try (NbdNegotiation _ = NbdNegotiation.open(
                uri,
                connect.withPurpose("check-second").withLimits(connect.limits().withGreeting(limit)))) {
            report.step("second greeting", Status.OK, sinceBegin(), "while the first client is there");
            return new Verdict(
                    Status.OK,
                    "the whole road is open, and the server has room for several clients",
                    Optional.empty(),
                    ExitCode.DONE);
        } catch (NbdException.NoAnswer | NbdException.ConnectionLost | NbdException.Unreachable e) {
            report.step(
                    "second greeting",
                    Status.WARN,
                    sinceBegin(),
                    e instanceof NbdException.NoAnswer ? "none while the first client is there" : "turned away");
            return new Verdict(
                    Status.WARN,
                    "the road is open, but the server had no room for a second client while the first was there",
                    Optional.of("give the server more client slots (start qemu-nbd with --shared=N, where N is the"
                            + " number of workers plus one), or end the clients that hold them."),
                    ExitCode.DONE);
        }
    }

    private Verdict broken(String hop, TunnelException cause) {
        report.step(hop, Status.FAIL, sinceBegin(), "");
        return new Verdict(Status.FAIL, cause.getMessage(), Optional.of(remedy(cause)), ExitCode.of(cause));
    }

    /** At which hop this happened: the one after the last that was passed, unless the cause is nearer. */
    private String hopOf(TunnelException cause) {
        return switch (cause) {
            case TunnelException.KeyUnusable _ -> "private key";
            case TunnelException.HostKeyUnknown _, TunnelException.HostKeyChanged _ -> name(Step.KEY_EXCHANGE);
            case TunnelException.NoAnswer silence -> name(silence.step());
            default -> {
                synchronized (told) {
                    yield name(next);
                }
            }
        };
    }

    private static Step after(Step step) {
        return switch (step) {
            case RESOLVE -> Step.CONNECT;
            case CONNECT -> Step.GREETING;
            case GREETING -> Step.KEY_EXCHANGE;
            case KEY_EXCHANGE -> Step.AUTHENTICATION;
            case AUTHENTICATION, FORWARD -> Step.FORWARD;
        };
    }

    private static String name(Step step) {
        return switch (step) {
            case RESOLVE -> "resolve";
            case CONNECT -> "connect";
            case GREETING -> "ssh version";
            case KEY_EXCHANGE -> "host key";
            case AUTHENTICATION -> "authentication";
            case FORWARD -> "forward";
        };
    }

    private String remedy(TunnelException cause) {
        return switch (cause) {
            case TunnelException.BadSpec _ -> "correct the command line or the configuration.";
            case TunnelException.ListenFailed _ -> "free the address, or choose another one.";
            case TunnelException.Unreachable _ ->
                "check name, port, route and firewalls, and that sshd runs there (systemctl status ssh).";
            case TunnelException.NoAnswer _ ->
                "look at the host (is it up, is sshd stopped?) and at the firewalls on the way.";
            case TunnelException.NotSsh _ -> "correct the port.";
            case TunnelException.HostKeyUnknown _ ->
                "compare the fingerprint on the hub itself, then give it with --ssh-fingerprint or add the host to"
                        + " known_hosts.";
            case TunnelException.HostKeyChanged _ ->
                "find out on the hub itself whether its key was changed; only then replace what is known.";
            case TunnelException.KeyUnusable _ -> "give the right --ssh-key and --ssh-passphrase-file.";
            case TunnelException.AuthenticationFailed _ ->
                "add the public key to authorized_keys of " + spec.target().user() + " on the hub.";
            case TunnelException.Insecure _ -> "bring sshd on the hub up to date.";
            case TunnelException.ForwardRefused _ ->
                "allow it on the hub; `migratekit hub sshd-config` prints the lines that sshd needs.";
            case TunnelException.LinkLost _ -> "run it again; if it happens again, look into sshd's log on the hub.";
            case TunnelException.Cancelled _ -> "run it again.";
        };
    }

    private String remedy(NbdException failure) {
        return failure instanceof NbdException.NoAnswer
                ? "on the hub: does the server run, is it stopped, and who holds its slots (ss -tnp)? Start qemu-nbd with"
                        + " --shared=N."
                : "on the hub: is it an NBD server that listens at " + to + "? Look into its log.";
    }

    private void begin() {
        synchronized (told) {
            begunNanos = System.nanoTime();
        }
    }

    private Duration sinceBegin() {
        synchronized (told) {
            return Duration.ofNanos(System.nanoTime() - begunNanos);
        }
    }

    @Override
    public void saw(Step step, String what) {
        synchronized (told) {
            seen = what;
        }
    }

    /** Comes from the threads of the tunnel, and for each client once more. */
    @Override
    public void passed(Step step, Duration took) {
        synchronized (told) {
            begunNanos = System.nanoTime();
            if (step == Step.FORWARD && forwarded) {
                return;
            }
            report.step(name(step), Status.OK, took, step == Step.FORWARD ? "allowed" : seen);
            seen = "";
            if (step == Step.FORWARD) {
                forwarded = true;
                report.step("listening", Status.OK, Duration.ZERO, "somebody accepts at " + to);
            } else {
                next = after(step);
            }
            told.notifyAll();
        }
    }

    @Override
    public void refused(TunnelException cause) {
        synchronized (told) {
            refusal = refusal == null ? cause : refusal;
            told.notifyAll();
        }
    }
}
