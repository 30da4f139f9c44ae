package io.migratekit.tunnel;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.UserTimeout;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** How do we get a connected socket to the SSH server? Both steps have a limit, the look-up of the name included. */
final class Dial {
    private final SshTarget target;
    private final TunnelLimits limits;

    Dial(SshTarget target, TunnelLimits limits) {
        this.target = target;
        this.limits = limits;
    }

    /** The addresses of the host. The system's look-up has no limit, so it runs on a thread that may be left behind. */
    List<InetAddress> resolve() {
        FutureTask<List<InetAddress>> lookup =
                new FutureTask<>(() -> Arrays.asList(InetAddress.getAllByName(target.host())));
        Thread.ofPlatform().daemon().name("ssh-resolve").start(lookup);
        try {
            return lookup.get(limits.resolve().toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw noAnswer(Step.RESOLVE, limits.resolve());
        } catch (InterruptedException e) {
            throw interrupted();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            throw new TunnelException.Unreachable(
                    target + ": "
                            + (cause instanceof UnknownHostException
                                    ? "the host name " + target.host() + " is not known. Check its spelling and the"
                                            + " name service."
                                    : "looking up " + target.host() + " failed: " + cause),
                    cause);
        }
    }

    /** A connected socket to the first of these addresses that answers. */
    SocketChannel connect(List<InetAddress> addresses) {
        Deadline deadline = Deadline.in(limits.connect());
        TunnelException last = noAnswer(Step.CONNECT, limits.connect());
        for (int i = 0; i < addresses.size(); i++) {
            // One address that swallows everything must not use up the time of the others.
            Duration share = Duration.ofNanos(deadline.remainingNanos()).dividedBy(addresses.size() - i);
            try {
                return connect(addresses.get(i), share);
            } catch (TunnelException e) {
                last = e;
            }
        }
        throw last;
    }

    private SocketChannel open() {
        try {
            return SocketChannel.open();
        } catch (IOException e) {
            throw new TunnelException.Unreachable(target + ": cannot make a socket: " + e.getMessage() + ".", e);
        }
    }

    private SocketChannel connect(InetAddress address, Duration limit) {
        SocketChannel socket = open();
        try {
            socket.socket().connect(new InetSocketAddress(address, target.port()), (int) Math.max(1, limit.toMillis()));
            UserTimeout.set(socket, limits.unacknowledged());
            return socket;
        } catch (IOException e) {
            try {
                socket.close();
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            if (e instanceof SocketTimeoutException) {
                throw noAnswer(Step.CONNECT, limit);
            }
            String where = address.getHostAddress() + " port " + target.port();
            throw new TunnelException.Unreachable(
                    target + ": "
                            + (e instanceof java.net.ConnectException
                                    ? "connection refused by " + where + ". No SSH server listens there: start it, or"
                                            + " check the port."
                                    : "cannot connect to " + where + ": " + e.getMessage() + "."),
                    e);
        }
    }

    /** The failure that a step has taken longer than its limit. */
    TunnelException.NoAnswer noAnswer(Step step, Duration waited) {
        return new TunnelException.NoAnswer(
                target + ": no " + step.title() + " within " + Durations.show(waited) + ". Usual cause: "
                        + step.usualCause() + ".",
                step,
                waited);
    }

    /** The failure that somebody wants us to stop; the thread stays interrupted. */
    TunnelException.Cancelled interrupted() {
        Thread.currentThread().interrupt();
        return new TunnelException.Cancelled(target + ": interrupted while connecting.");
    }
}
