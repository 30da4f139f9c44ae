package io.migratekit.nbd;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/**
 * After how long without an acknowledgement does the kernel end a connection of the JDK's? Left to itself, after a
 * quarter of an hour. The JDK has no TCP_USER_TIMEOUT and gives no descriptor away; but its sockets are descriptors of
 * this process, and no two connections have the same two ends, so the one that has ours is found and told.
 */
public final class UserTimeout {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    private UserTimeout() {}

    /** Tells the kernel; false if it would not hear, which costs a second net and nothing else. */
    public static boolean set(SocketChannel connected, Duration limit) {
        try {
            Optional<Integer> fd = descriptor(connected);
            fd.ifPresent(found -> Posix.limitUnacknowledged(found, limit));
            return fd.flatMap(Posix::unacknowledgedLimit).isPresent();
        } catch (IllegalCallerException | LinkageError e) {
            return false; // This JVM may not call the kernel.
        }
    }

    /** The descriptor of a connected channel; it is valid as long as the channel is open. */
    static Optional<Integer> descriptor(SocketChannel connected) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(DESCRIPTORS)) {
            if (!(connected.getLocalAddress() instanceof InetSocketAddress here)
                    || !(connected.getRemoteAddress() instanceof InetSocketAddress there)) {
                return Optional.empty();
            }
            for (Path each : all) {
                int fd = Integer.parseInt(String.valueOf(each.getFileName()));
                if (is(here, Posix.endOf(fd, false)) && is(there, Posix.endOf(fd, true))) {
                    return Optional.of(fd);
                }
            }
        } catch (IOException | NumberFormatException e) {
            // Without /proc, or when the channel was closed meanwhile, there is nothing to find.
        }
        return Optional.empty();
    }

    private static boolean is(InetSocketAddress wanted, Optional<InetSocketAddress> found) {
        return found.isPresent()
                && wanted.getPort() == found.get().getPort()
                && Arrays.equals(
                        wanted.getAddress().getAddress(),
                        found.get().getAddress().getAddress());
    }
}
