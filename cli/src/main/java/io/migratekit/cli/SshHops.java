package io.migratekit.cli;

import io.migratekit.tunnel.HopListener;
import io.migratekit.tunnel.SshTarget;
import io.migratekit.tunnel.Step;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelState;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How far does a road through SSH go? Turns what a tunnel tells of its steps, and why it ends, into findings. A forward is
 * proved by an answer from its far end only.
 */
final class SshHops implements HopListener {
    /** The tunnel cuts a client off just after it has told why. */
    private static final Duration REASON = Duration.ofSeconds(1);

    private final SshTarget target;
    private final Object told = new Object();
    private Consumer<Finding> report;
    private String to;
    private Step next = Step.RESOLVE;
    private long begunNanos = System.nanoTime();
    private String seen = "";
    private boolean forwarded;
    private @Nullable TunnelException refusal;

    /**
     * @param to the far end as the user wrote it
     * @param report told of each step when it is over, also by threads of the tunnel
     */
    SshHops(SshTarget target, String to, Consumer<Finding> report) {
        this.target = target;
        this.to = to;
        this.report = report;
    }

    /** What comes next is about another far end. */
    void towards(String other, Consumer<Finding> otherReport) {
        synchronized (told) {
            to = other;
            report = otherReport;
            forwarded = false;
            refusal = null;
            begunNanos = System.nanoTime();
        }
    }

    /** Why the tunnel itself ended the conversation, if it did. */
    Optional<TunnelException> reason(Supplier<TunnelState> state) {
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
        return state.get() instanceof TunnelState.Down down ? Optional.of(down.cause()) : Optional.empty();
    }

    /** A client was shown out, or the link was lost, while it was being led to the far end. */
    Finding shownOut(TunnelException cause) {
        if (cause instanceof TunnelException.ForwardRefused no && no.reason().startsWith("connect failed")) {
            report.accept(Finding.ok("forward", sinceBegin(), "allowed"));
            return failed(Finding.failed(
                    "listening",
                    Duration.ZERO,
                    no.reason(),
                    cause.getMessage(),
                    "start the export on the hub, or correct " + to + "; on the hub `ss -lnp` tells what listens.",
                    ExitCode.NBD_UNREACHABLE));
        }
        return broken(cause instanceof TunnelException.LinkLost ? "session" : "forward", cause);
    }

    /** The tunnel did not come about. */
    Finding broken(TunnelException cause) {
        return broken(hopOf(cause), cause);
    }

    private Finding broken(String hop, TunnelException cause) {
        return failed(Finding.failed(hop, sinceBegin(), "", cause.getMessage(), remedy(cause), ExitCode.of(cause)));
    }

    private Finding failed(Finding finding) {
        report.accept(finding);
        return finding;
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
                "add the public key to authorized_keys of " + target.user() + " on the hub.";
            case TunnelException.Insecure _ -> "bring sshd on the hub up to date.";
            case TunnelException.ForwardRefused _ ->
                "allow it on the hub; `migratekit hub sshd-config` prints the lines that sshd needs.";
            case TunnelException.LinkLost _ -> "run it again; if it happens again, look into sshd's log on the hub.";
            case TunnelException.Cancelled _ -> "run it again.";
        };
    }

    void begin() {
        synchronized (told) {
            begunNanos = System.nanoTime();
        }
    }

    Duration sinceBegin() {
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
            report.accept(Finding.ok(name(step), took, step == Step.FORWARD ? "allowed" : seen));
            seen = "";
            if (step == Step.FORWARD) {
                forwarded = true;
                report.accept(Finding.ok("listening", Duration.ZERO, "somebody accepts at " + to));
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
