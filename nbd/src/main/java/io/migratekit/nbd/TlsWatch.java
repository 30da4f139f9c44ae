package io.migratekit.nbd;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Who ends a TLS handshake that does not get on? libnbd 1.14 does not return from one before it is
 * complete: it asks GnuTLS again and again, which takes a whole processor and ends after 40 s,
 * whatever limit, deadline or interrupt there is. So another thread watches these meanwhile and cuts
 * the socket, which libnbd notices at once.
 */
final class TlsWatch implements AutoCloseable {
    private static final long LOOK_NANOS = Duration.ofMillis(50).toNanos();
    private static final Duration END_LIMIT = Duration.ofSeconds(1);

    private final Thread owner = Thread.currentThread();
    private final Duration limit;
    private final Deadline deadline;
    private final int socket;
    private final Thread thread;
    /** When the owner went into libnbd; 0 while it is not there. */
    private volatile long insideSinceNanos;

    private volatile boolean over;
    private volatile boolean cut;

    /** Watches over the owner's handshake on this socket, which remains the owner's. */
    TlsWatch(int descriptor, Duration limit, Deadline deadline) {
        this.limit = limit;
        this.deadline = deadline;
        // One of our own, because libnbd may close its own at any moment, and the number may be another's then.
        this.socket = Posix.duplicate(descriptor);
        this.thread = Thread.ofPlatform().daemon().name("nbd-tls-watch").start(this::watch);
    }

    /** The owner calls libnbd now, and may not come back in time. */
    void enter() {
        insideSinceNanos = System.nanoTime() | 1;
    }

    void leave() {
        insideSinceNanos = 0;
    }

    /** Whether the handshake was ended from here; the reason is the clock's or the interrupt's, which still stand. */
    boolean hasCut() {
        return cut;
    }

    /** What has come through the socket, if the kernel tells. */
    long bytesReceived() {
        return Posix.tcpEvidence(socket).map(Posix.TcpEvidence::bytesReceived).orElse(0L);
    }

    private void watch() {
        long bytes = 0;
        long lastByteNanos = System.nanoTime();
        while (!over) {
            LockSupport.parkNanos(LOOK_NANOS);
            long bytesNow = bytesReceived();
            if (bytesNow != bytes) {
                bytes = bytesNow;
                lastByteNanos = System.nanoTime();
            }
            long since = insideSinceNanos;
            if (since == 0) {
                continue;
            }
            long now = System.nanoTime();
            boolean silent = Math.min(now - since, now - lastByteNanos) >= limit.toNanos();
            if (silent || deadline.isOver() || owner.isInterrupted()) {
                cut = true;
                Posix.shutDown(socket);
                return;
            }
        }
    }

    /** Ends the watch, not the connection. */
    @Override
    public void close() {
        over = true;
        LockSupport.unpark(thread);
        boolean interrupted = Thread.interrupted();
        try {
            if (thread.join(END_LIMIT)) {
                Posix.close(socket); // otherwise left behind: the thread would use the next one of this number
            }
        } catch (InterruptedException e) {
            interrupted = true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
