package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.DEBUG;

import com.jcraft.jsch.HubChannel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One connection through the tunnel: who carries its bytes? To the hub the thread of {@link #run};
 * from the hub the thread that reads the session, which hands them over and never waits.
 */
final class Relay implements HubChannel.Receiver, SshLink.Guest {
    private static final System.Logger LOG = System.getLogger(Relay.class.getName());
    /** So much may be under way from the hub: at 20 ms of round trip this still allows 400 MiB/s. */
    static final int WINDOW_BYTES = 8 * 1024 * 1024;
    /** And so much on a short road, where more only makes sshd move it about: measured, it then works half as much again. */
    static final int FIRST_WINDOW_BYTES = 2 * 1024 * 1024;

    private static final long FULL_BYTES_A_SECOND = 400 << 20;
    /** When one side has ended, the other may still talk; but after so long a silence it is over. */
    private static final Duration LINGER = Duration.ofSeconds(10);

    private static final int POLL_MILLIS = 20;

    private final String name;
    private final LocalEnd local;
    private final ForwardCounters counters;
    private final long beganNanos = System.nanoTime();
    private final AtomicInteger gone = new AtomicInteger();
    private volatile @Nullable HubChannel channel;
    private volatile int window = WINDOW_BYTES;
    private volatile long arrivedNanos;
    private volatile boolean hubEnded;

    Relay(String name, SocketChannel client, ForwardCounters counters) throws IOException {
        this.name = name;
        this.counters = counters;
        this.local = new LocalEnd(client, name, this::gone);
    }

    /** The same over a channel that was opened with the first window; how long that took tells how long the road is. */
    void run(HubChannel opened, Duration openTook) {
        double underWayBytes = openTook.toNanos() / 1e9 * FULL_BYTES_A_SECOND;
        window = (int) Math.clamp(underWayBytes, FIRST_WINDOW_BYTES, WINDOW_BYTES);
        gone.addAndGet(window - FIRST_WINDOW_BYTES); // As if so much had arrived and gone: it is asked for again.
        run(opened);
    }

    /** Carries bytes until the connection is over on both sides, and cleans up. */
    void run(HubChannel opened) {
        channel = opened;
        counters.opened();
        try {
            refillIfDue(0);
            carryToHub(opened);
            opened.end();
            awaitHub(opened);
        } catch (IOException | ClosedSelectorException e) {
            LOG.log(DEBUG, () -> "relay=" + name + " ended: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            counters.closed();
            local.close();
            opened.close();
        }
    }

    String name() {
        return name;
    }

    /** Whether the client has hung up before it was led anywhere. */
    boolean hasLeft() {
        try {
            return local.hasLeft();
        } catch (IOException e) {
            return true;
        }
    }

    private void carryToHub(HubChannel hub) throws IOException, InterruptedException {
        while (true) {
            ByteBuffer[] room = hub.awaitRoom();
            int count = local.read(room);
            if (count < 0) {
                return;
            }
            if (count > 0) {
                counters.toHub(count);
                hub.send(count);
            } else if (hub.isClosed() && local.isDrained()) {
                return;
            }
        }
    }

    /** The client has said all; it may still be listening to what the hub says. */
    private void awaitHub(HubChannel hub) throws InterruptedException {
        long silentSince = System.nanoTime();
        while (!(hubEnded && local.isDrained()) && !hub.isClosed()) {
            Thread.sleep(POLL_MILLIS);
            long latest = Math.max(silentSince, arrivedNanos);
            if (System.nanoTime() - latest > LINGER.toNanos()) {
                return;
            }
        }
    }

    @Override
    public void arrived(byte[] bytes, int offset, int length) {
        if (arrivedNanos == 0) {
            counters.firstByte(Duration.ofNanos(System.nanoTime() - beganNanos));
        }
        arrivedNanos = System.nanoTime();
        counters.fromHub(length);
        try {
            local.offer(bytes, offset, length);
        } catch (IOException e) {
            local.close(); // The client is gone; the thread of run() notices and closes the channel.
        }
    }

    @Override
    public void ended() {
        hubEnded = true;
        local.finish();
    }

    @Override
    public void abort() {
        local.close();
    }

    /** Bytes are off our hands; on the thread that reads the session, or on the one that drains. */
    private void gone(int bytes) {
        try {
            refillIfDue(bytes);
        } catch (IOException e) {
            local.close();
        }
    }

    private void refillIfDue(int bytes) throws IOException {
        HubChannel hub = channel;
        int due = gone.addAndGet(bytes);
        if (hub != null && due >= window / 2 && gone.compareAndSet(due, 0)) {
            hub.refill(due);
        }
    }
}
