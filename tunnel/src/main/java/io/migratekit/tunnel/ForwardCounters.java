package io.migratekit.tunnel;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What happens at one forward, counted by all its relays. */
final class ForwardCounters {
    private final LongAdder toHub = new LongAdder();
    private final LongAdder fromHub = new LongAdder();
    private final LongAdder opened = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final AtomicInteger open = new AtomicInteger();
    private volatile @Nullable String lastRefusal;
    private volatile boolean forbidden;
    private volatile @Nullable Duration firstByte;

    void opened() {
        forbidden = false;
        opened.increment();
        open.incrementAndGet();
    }

    void closed() {
        open.decrementAndGet();
    }

    void toHub(int bytes) {
        toHub.add(bytes);
    }

    void fromHub(int bytes) {
        fromHub.add(bytes);
    }

    void firstByte(Duration afterConnect) {
        firstByte = afterConnect;
    }

    void refused(String why) {
        refused.increment();
        lastRefusal = why;
    }

    /** Nobody is let through, by the rules of the SSH server. */
    void forbidden() {
        forbidden = true;
    }

    ForwardView view(Forward forward, SocketAddress listening) {
        return new ForwardView(
                forward,
                listening,
                open.get(),
                opened.sum(),
                toHub.sum(),
                fromHub.sum(),
                refused.sum(),
                Optional.ofNullable(lastRefusal),
                forbidden,
                Optional.ofNullable(firstByte));
    }
}
