package io.migratekit.nbd;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * The only caller of libc: sockets made our way, and poll(2), always with a time.
 *
 * <p>The JDK's own sockets cannot be used, because libnbd wants a file descriptor and because
 * TCP_USER_TIMEOUT is out of the JDK's reach. Numbers are Linux's, which are the same on x86-64
 * and aarch64.
 */
final class Posix {
    static final int POLLIN = 0x01;
    static final int POLLOUT = 0x04;
    static final int POLLHUP = 0x10;

    static final int EAGAIN = 11;
    static final int ENOENT = 2;
    static final int ETIMEDOUT = 110;
    static final int ECONNREFUSED = 111;
    static final int EINPROGRESS = 115;
    private static final int EINTR = 4;

    private static final int AF_UNIX = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0x800 | 0x80000;
    private static final int SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0x800 | 0x80000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_PEEK_DONTWAIT = 0x02 | 0x40;
    private static final int SOL_SOCKET = 1;
    private static final int SO_ERROR = 4;
    private static final int SHUT_RDWR = 2;
    private static final int SO_KEEPALIVE = 9;
    private static final int IPPROTO_TCP = 6;
    private static final int TCP_NODELAY = 1;
    private static final int TCP_KEEPIDLE = 4;
    private static final int TCP_KEEPINTVL = 5;
    private static final int TCP_KEEPCNT = 6;
    private static final int TCP_INFO = 11;
    private static final int TCP_QUICKACK = 12;
    private static final int TCP_USER_TIMEOUT = 18;
    /** The longest path that fits into sockaddr_un, its final zero included. */
    private static final int SUN_PATH_BYTES = 108;

    private static final ValueLayout.OfShort NETWORK_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final long ERRNO_OFFSET =
            Linker.Option.captureStateLayout().byteOffset(MemoryLayout.PathElement.groupElement("errno"));

    private Posix() {}

    /** A call that failed, with its error number. */
    record Result(int value, int errno) {
        boolean failed() {
            return value < 0;
        }
    }

    /** A new non-blocking socket for the given kind of address. */
    static int socket(boolean unix, boolean ipv6) {
        int family = unix ? AF_UNIX : ipv6 ? AF_INET6 : AF_INET;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            int fd = (int) Socket.HANDLE.invokeExact(errno, family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
            if (fd < 0) {
                throw new NbdException.Unreachable(
                        "cannot make a socket: " + describe(errno.get(JAVA_INT, ERRNO_OFFSET))
                                + ". The limits of this process are shown by `ulimit -a`.",
                        null);
            }
            return fd;
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** Starts connecting; EINPROGRESS means that poll will tell, EAGAIN that a unix backlog is full. */
    static Result connect(int fd, InetAddress address, int port) {
        boolean ipv6 = address instanceof Inet6Address;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sockaddr = arena.allocate(ipv6 ? 28 : 16, 8);
            sockaddr.set(JAVA_SHORT, 0, (short) (ipv6 ? AF_INET6 : AF_INET));
            sockaddr.set(NETWORK_SHORT, 2, (short) port);
            byte[] bytes = address.getAddress();
            MemorySegment.copy(bytes, 0, sockaddr, JAVA_BYTE, ipv6 ? 8 : 4, bytes.length);
            if (address instanceof Inet6Address six) {
                sockaddr.set(JAVA_INT, 24, six.getScopeId());
            }
            return connect(arena, fd, sockaddr);
        }
    }

    static Result connectUnix(int fd, String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length >= SUN_PATH_BYTES) {
            throw new NbdException.BadUri("the socket path is too long (" + bytes.length + " bytes, at most "
                    + (SUN_PATH_BYTES - 1) + "): " + path);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sockaddr = arena.allocate(2 + SUN_PATH_BYTES, 8);
            sockaddr.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(bytes, 0, sockaddr, JAVA_BYTE, 2, bytes.length);
            return connect(arena, fd, sockaddr);
        }
    }

    /**
     * Sends one datagram to a unix socket, which the JDK cannot, without waiting.
     *
     * @param path a path, or a name in the abstract namespace with {@code @} in front
     */
    static Result sendDatagram(String path, byte[] message) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length >= SUN_PATH_BYTES) {
            throw new IllegalArgumentException("the socket path is too long: " + path);
        }
        if (path.startsWith("@")) {
            bytes[0] = 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            int fd = (int) Socket.HANDLE.invokeExact(errno, AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
            if (fd < 0) {
                return new Result(fd, errno.get(JAVA_INT, ERRNO_OFFSET));
            }
            // A name in the abstract namespace is as long as the address says; a path ends with a zero.
            int length = 2 + bytes.length + (path.startsWith("@") ? 0 : 1);
            MemorySegment sockaddr = arena.allocate(2 + SUN_PATH_BYTES, 8);
            sockaddr.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(bytes, 0, sockaddr, JAVA_BYTE, 2, bytes.length);
            MemorySegment content = arena.allocateFrom(JAVA_BYTE, message);
            long sent = (long) SendTo.HANDLE.invokeExact(
                    errno, fd, content, (long) message.length, MSG_NOSIGNAL, sockaddr, length);
            int reason = sent < 0 ? errno.get(JAVA_INT, ERRNO_OFFSET) : 0;
            close(fd);
            return new Result((int) sent, reason);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    private static Result connect(Arena arena, int fd, MemorySegment sockaddr) {
        try {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            int result = (int) Connect.HANDLE.invokeExact(errno, fd, sockaddr, (int) sockaddr.byteSize());
            return new Result(result, result < 0 ? errno.get(JAVA_INT, ERRNO_OFFSET) : 0);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** What has arrived and not been read yet, without taking it; empty when nothing or the end has. */
    static byte[] peek(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(64);
            long count = (long) Recv.HANDLE.invokeExact(fd, buffer, buffer.byteSize(), MSG_PEEK_DONTWAIT);
            return count <= 0 ? new byte[0] : buffer.asSlice(0, count).toArray(JAVA_BYTE);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** The pending error of a socket, by which a non-blocking connect reports; 0 if it went well. */
    static int socketError(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(4, 4);
            return getsockopt(arena, fd, SOL_SOCKET, SO_ERROR, value) < 0 ? 0 : value.get(JAVA_INT, 0);
        }
    }

    /** What our TCP connections need: no Nagle, and the kernel's own watch over a path that went dark. */
    static void tuneTcp(int fd, Duration unacknowledged) {
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
        limitUnacknowledged(fd, unacknowledged);
    }

    /**
     * Sends what is held back, and acknowledges the next packets at once. During the handshake both
     * sides write answers in small parts: a server with Nagle's algorithm sends the next part only
     * after our acknowledgement (40 ms each time), and libnbd 1.14 corks the last part of an option
     * (200 ms). The kernel falls back by itself, so this is to be repeated.
     */
    static void hurry(int fd) {
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
    }

    /**
     * Uses once what connecting needs, in vain: the JVM links a native call at its first use, which
     * takes longer than a connect, and a measured wait should be the network's time.
     */
    static void warmUp() {
        int fd = socket(true, false);
        Result _ = connectUnix(fd, "/nonexistent/socket");
        hurry(fd);
        int _ = socketError(fd);
        byte[] _ = peek(fd);
        try (Arena arena = Arena.ofConfined()) {
            int _ = new Poller(arena, 1).poll(-1, 0, 0);
        }
        close(fd);
    }

    private static void set(int fd, int level, int option, int value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            // An option that this kernel lacks costs us comfort, not correctness: our own limits still hold.
            int _ = (int)
                    SetSockOpt.HANDLE.invokeExact(errno, fd, level, option, arena.allocateFrom(JAVA_INT, value), 4);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** What the kernel knows of a TCP connection: evidence about where silence comes from. */
    record TcpEvidence(long bytesReceived, int unacknowledgedSegments, Duration sinceLastAck) {}

    /** Empty for sockets that are not TCP, or when the kernel does not tell. */
    static Optional<TcpEvidence> tcpEvidence(int fd) {
        if (fd < 0) {
            return Optional.empty();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = arena.allocate(256, 8);
            int size = getsockopt(arena, fd, IPPROTO_TCP, TCP_INFO, info);
            // Fields of struct tcp_info: tcpi_unacked at 24, tcpi_last_ack_recv at 56, tcpi_bytes_received at 128.
            if (size < 136) {
                return Optional.empty();
            }
            return Optional.of(new TcpEvidence(
                    info.get(JAVA_LONG, 128), info.get(JAVA_INT, 24), Duration.ofMillis(info.get(JAVA_INT, 56))));
        }
    }

    /** How long the kernel waits for acknowledgements before it ends this connection; empty if it goes by its own rules. */
    static Optional<Duration> unacknowledgedLimit(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment millis = arena.allocate(4, 4);
            return getsockopt(arena, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, millis) < 0 || millis.get(JAVA_INT, 0) == 0
                    ? Optional.empty()
                    : Optional.of(Duration.ofMillis(millis.get(JAVA_INT, 0)));
        }
    }

    static void limitUnacknowledged(int fd, Duration limit) {
        set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int) Math.min(Integer.MAX_VALUE, Math.max(1, limit.toMillis())));
    }

    /** Where this descriptor's own end is, or its peer's; empty if it is no internet socket, or has none. */
    static Optional<InetSocketAddress> endOf(int fd, boolean peer) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sockaddr = arena.allocate(128, 8);
            MemorySegment length = arena.allocateFrom(JAVA_INT, 128);
            int result = peer
                    ? (int) GetPeerName.HANDLE.invokeExact(fd, sockaddr, length)
                    : (int) GetSockName.HANDLE.invokeExact(fd, sockaddr, length);
            int family = result < 0 ? 0 : sockaddr.get(JAVA_SHORT, 0);
            if (family != AF_INET && family != AF_INET6) {
                return Optional.empty();
            }
            byte[] address = new byte[family == AF_INET ? 4 : 16];
            MemorySegment.copy(sockaddr, JAVA_BYTE, family == AF_INET ? 4 : 8, address, 0, address.length);
            int port = Short.toUnsignedInt(sockaddr.get(NETWORK_SHORT, 2));
            // An IPv4 address in IPv6 clothes comes back as what it is.
            return Optional.of(new InetSocketAddress(InetAddress.getByAddress(address), port));
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** The number of bytes the kernel filled in, or -1. */
    private static int getsockopt(Arena arena, int fd, int level, int option, MemorySegment value) {
        try {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            MemorySegment length = arena.allocateFrom(JAVA_INT, (int) value.byteSize());
            int result = (int) GetSockOpt.HANDLE.invokeExact(errno, fd, level, option, value, length);
            return result < 0 ? -1 : length.get(JAVA_INT, 0);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** Another descriptor of the same socket. */
    static int duplicate(int fd) {
        try {
            int copy = (int) Dup.HANDLE.invokeExact(fd);
            if (copy < 0) {
                throw new IllegalStateException("cannot duplicate the descriptor " + fd);
            }
            return copy;
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** Ends the conversation on a socket in both directions, for whoever holds it by whatever descriptor. */
    static void shutDown(int fd) {
        try {
            int _ = (int) ShutDown.HANDLE.invokeExact(fd, SHUT_RDWR);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    static void close(int fd) {
        try {
            int _ = (int) Close.HANDLE.invokeExact(fd);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** Frees memory that a C library allocated for us. */
    static void free(MemorySegment memory) {
        try {
            Free.HANDLE.invokeExact(memory);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** The system's words for an error number. */
    static String describe(int errno) {
        try {
            MemorySegment text = (MemorySegment) StrError.HANDLE.invokeExact(errno);
            return text.reinterpret(1024).getString(0);
        } catch (Throwable t) {
            throw sneak(t);
        }
    }

    /** Some descriptors and the memory that poll(2) needs, made once and used for every wait. */
    static final class Poller {
        private static final int POLLFD_BYTES = 8;
        private final MemorySegment pollfds;
        private final MemorySegment errno;

        Poller(Arena arena, int descriptors) {
            pollfds = arena.allocate((long) POLLFD_BYTES * descriptors, 8);
            errno = arena.allocate(Linker.Option.captureStateLayout());
        }

        /** What to wait for at this place; a negative descriptor is passed over. */
        void set(int place, int fd, int events) {
            long at = (long) POLLFD_BYTES * place;
            pollfds.set(JAVA_INT, at, fd);
            pollfds.set(JAVA_SHORT, at + 4, (short) events);
            pollfds.set(JAVA_SHORT, at + 6, (short) 0);
        }

        /** What happened at this place in the last wait; 0 if nothing. */
        int happened(int place) {
            return Short.toUnsignedInt(pollfds.get(JAVA_SHORT, (long) POLLFD_BYTES * place + 6));
        }

        /** Waits until something happens at one of the first places, at most so long; false if nothing did. */
        boolean await(int places, int millis) {
            if (millis < 0) {
                throw new IllegalArgumentException("an unbounded poll is not allowed");
            }
            try {
                int result = (int) Poll.HANDLE.invokeExact(errno, pollfds, (long) places, millis);
                if (result < 0 && errno.get(JAVA_INT, ERRNO_OFFSET) != EINTR) {
                    throw new IllegalStateException("poll failed: " + describe(errno.get(JAVA_INT, ERRNO_OFFSET)));
                }
                return result > 0;
            } catch (Throwable t) {
                throw sneak(t);
            }
        }

        /** The same for a single descriptor: what happened, or 0. */
        int poll(int fd, int events, int millis) {
            set(0, fd, events);
            return await(1, millis) ? happened(0) : 0;
        }
    }

    private static MethodHandle find(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
    }

    private static RuntimeException sneak(Throwable t) {
        return switch (t) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> throw new AssertionError("a native call cannot throw a checked exception", t);
        };
    }

    // One holder a function, so that a command links only what it calls: linking is what start-up pays for.

    private static final class Socket {
        static final MethodHandle HANDLE =
                find("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT), ERRNO);
    }

    private static final class Connect {
        static final MethodHandle HANDLE =
                find("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT), ERRNO);
    }

    private static final class SetSockOpt {
        static final MethodHandle HANDLE = find(
                "setsockopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT), ERRNO);
    }

    private static final class GetSockOpt {
        static final MethodHandle HANDLE = find(
                "getsockopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS), ERRNO);
    }

    private static final class GetSockName {
        static final MethodHandle HANDLE =
                find("getsockname", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    }

    private static final class GetPeerName {
        static final MethodHandle HANDLE =
                find("getpeername", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    }

    private static final class Poll {
        static final MethodHandle HANDLE =
                find("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT), ERRNO);
    }

    private static final class Recv {
        static final MethodHandle HANDLE =
                find("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    }

    private static final class SendTo {
        static final MethodHandle HANDLE = find(
                "sendto",
                FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT),
                ERRNO);
    }

    private static final class Dup {
        static final MethodHandle HANDLE = find("dup", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    private static final class ShutDown {
        static final MethodHandle HANDLE = find("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    }

    private static final class Close {
        static final MethodHandle HANDLE = find("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    private static final class Free {
        static final MethodHandle HANDLE = find("free", FunctionDescriptor.ofVoid(ADDRESS));
    }

    private static final class StrError {
        static final MethodHandle HANDLE = find("strerror", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    }
}
