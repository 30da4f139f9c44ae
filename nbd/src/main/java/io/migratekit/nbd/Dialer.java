package io.migratekit.nbd;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * How do we get a connected socket? Resolves the name, connects with a limit, sets the options, and
 * hands out the descriptor; so a refused connection says "refused", which libnbd would lose.
 */
final class Dialer {
    private final NbdUri uri;
    private final ConnectSpec spec;
    private final Patience patience;

    Dialer(NbdUri uri, ConnectSpec spec, Patience patience) {
        this.uri = uri;
        this.spec = spec;
        this.patience = patience;
    }

    /** A connected, non-blocking socket, owned by the caller. */
    int dial() {
        return switch (uri.transport()) {
            case NbdUri.Unix unix -> dialUnix(unix);
            case NbdUri.Tcp tcp -> dialTcp(tcp, resolve(tcp.host()));
        };
    }

    static Patience.Evidence notConnected() {
        return new Patience.Evidence("", "not connected");
    }

    /** The addresses of a host name. The system's look-up has no limit, so another thread does it. */
    List<InetAddress> resolve(String host) {
        FutureTask<List<InetAddress>> lookup = new FutureTask<>(() -> Arrays.asList(InetAddress.getAllByName(host)));
        List<InetAddress> addresses = within(Wait.RESOLVE, "not connected", lookup, cause -> {
            if (cause instanceof UnknownHostException) {
                return new NbdException.Unreachable(
                        uri + ": the host name " + host + " is not known. Check its spelling and the name service.",
                        cause);
            }
            return new NbdException.Unreachable(uri + ": looking up " + host + " failed: " + cause, cause);
        });
        patience.answered();
        return addresses;
    }

    /**
     * Runs a task that cannot be bounded on its own on a thread that may be left behind. The wait is
     * not over when the task is done; that is for the caller to say.
     *
     * @param standing how far things have got as long as the task is not done, for messages
     */
    <T> T within(
            Wait wait,
            String standing,
            FutureTask<T> task,
            java.util.function.Function<Throwable, RuntimeException> failure) {
        patience.waitFor(wait);
        Thread.ofPlatform().daemon().name("nbd-" + wait.id()).start(task);
        while (true) {
            try {
                T result = task.get(patience.slice(() -> new Patience.Evidence("", standing)), TimeUnit.MILLISECONDS);
                return result;
            } catch (TimeoutException e) {
                // Not yet; slice() throws when the limit is reached.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // the next slice() turns it into a cancellation
            } catch (ExecutionException e) {
                throw failure.apply(e.getCause() == null ? e : e.getCause());
            }
        }
    }

    private int dialTcp(NbdUri.Tcp tcp, List<InetAddress> addresses) {
        int lastErrno = 0;
        InetAddress lastAddress = addresses.getFirst();
        // One address that swallows everything must not use up the time of the others.
        Duration share = spec.limits().connect().dividedBy(addresses.size());
        for (InetAddress address : addresses) {
            patience.waitFor(Wait.CONNECT, share);
            patience.progress();
            int fd = Posix.socket(false, address instanceof java.net.Inet6Address);
            try {
                int errno = finish(fd, Posix.connect(fd, address, tcp.port()));
                if (errno == 0) {
                    // The kernel's watch stays behind ours: it speaks up first only when acknowledgements are missing.
                    Posix.tuneTcp(fd, spec.limits().read().multipliedBy(3).dividedBy(4));
                    patience.answered();
                    int connected = fd;
                    fd = -1;
                    return connected;
                }
                lastErrno = errno;
                lastAddress = address;
            } catch (NbdException.NoAnswer e) {
                if (address.equals(addresses.getLast())) {
                    throw e;
                }
            } finally {
                if (fd >= 0) {
                    Posix.close(fd);
                }
            }
        }
        throw unreachable(tcp, lastAddress, lastErrno);
    }

    private NbdException.Unreachable unreachable(NbdUri.Tcp tcp, InetAddress address, int errno) {
        // As the user wrote it if that was numeric: Java spells out every zero of an IPv6 address.
        String where = (tcp.host().indexOf(':') >= 0 ? tcp.host() : address.getHostAddress()) + " port " + tcp.port();
        String why = switch (errno) {
            case Posix.ECONNREFUSED ->
                "connection refused by " + where
                        + ". Nothing listens there: start the server or the tunnel, or check the port.";
            case Posix.ETIMEDOUT -> "no answer from " + where + ". " + Wait.CONNECT.usualCause() + '.';
            default -> "cannot connect to " + where + ": " + Posix.describe(errno) + '.';
        };
        return new NbdException.Unreachable(uri + ": " + why, null);
    }

    private int dialUnix(NbdUri.Unix unix) {
        String path = unix.socketPath();
        patience.waitFor(Wait.CONNECT);
        int fd = Posix.socket(true, false);
        try {
            int errno = finish(fd, Posix.connectUnix(fd, path));
            while (errno == Posix.EAGAIN) {
                // The queue of the listening socket is full; unlike TCP, the kernel does not wait for us.
                pause();
                errno = finish(fd, Posix.connectUnix(fd, path));
            }
            if (errno == 0) {
                patience.answered();
                int connected = fd;
                fd = -1;
                return connected;
            }
            throw unreachable(path, errno);
        } finally {
            if (fd >= 0) {
                Posix.close(fd);
            }
        }
    }

    private NbdException.Unreachable unreachable(String path, int errno) {
        String why = switch (errno) {
            case Posix.ENOENT -> "there is no socket " + path + ". Start the server, or check the path.";
            case Posix.ECONNREFUSED ->
                (isSocket(path)
                        ? "connection refused: nobody listens on " + path + " any more; its server has ended."
                        : path + " is not a socket.");
            default -> "cannot connect to the socket " + path + ": " + Posix.describe(errno) + '.';
        };
        return new NbdException.Unreachable(uri + ": " + why, null);
    }

    private static boolean isSocket(String path) {
        try {
            return Files.readAttributes(Path.of(path), java.nio.file.attribute.BasicFileAttributes.class)
                    .isOther();
        } catch (IOException | IllegalArgumentException e) {
            return false;
        }
    }

    /** Waits for a connect that has begun; the error number, or 0. */
    private int finish(int fd, Posix.Result begun) {
        if (!begun.failed()) {
            return 0;
        }
        if (begun.errno() != Posix.EINPROGRESS) {
            return begun.errno();
        }
        try (Arena arena = Arena.ofConfined()) {
            Posix.Poller poller = new Posix.Poller(arena, 1);
            while (poller.poll(fd, Posix.POLLOUT, patience.slice(Dialer::notConnected)) == 0) {
                // slice() throws when the limit is reached
            }
        }
        return Posix.socketError(fd);
    }

    private void pause() {
        try {
            Thread.sleep(Math.min(20, patience.slice(Dialer::notConnected)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the next slice() turns it into a cancellation
        }
    }
}
