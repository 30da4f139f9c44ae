package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.jcraft.jsch.HubChannel;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A road to the hub that stays up, or says why not. Its near ends are open from the start; a thread
 * keeps the base link up, and each client that comes is led over a link that suits it.
 *
 * <p>Nothing is promised about what lies behind a forward: only an answer from there proves it.
 */
public final class SshTunnel implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SshTunnel.class.getName());
    private static final Duration HOUSEKEEPING = Duration.ofSeconds(1);

    private final TunnelSpec spec;
    private final Consumer<TunnelState> listener;
    private final HopListener hops;
    private final Map<Forward.Local, Doorway> doorways = new ConcurrentHashMap<>();
    private final Callbacks callbacks;
    private final DataLinks dataLinks;
    private final Usher usher;
    private final AtomicLong timesLost = new AtomicLong();
    private final AtomicInteger waiting = new AtomicInteger();
    private final Object changed = new Object();
    private volatile TunnelState state = new TunnelState.Connecting(Instant.now());
    private volatile @Nullable SshLink base;
    private volatile @Nullable TunnelException lastCause;
    private volatile boolean closed;

    private SshTunnel(TunnelSpec spec, Consumer<TunnelState> listener, HopListener hops) {
        this.spec = spec;
        this.listener = listener;
        this.hops = hops;
        this.callbacks = new Callbacks(spec);
        this.dataLinks = new DataLinks(spec.dataLinks(), number -> open(spec.name() + "-" + number, HopListener.NONE));
        this.usher = new Usher(spec, this, dataLinks, hops);
    }

    /**
     * Opens the near ends and begins to connect; returns at once.
     *
     * @param listener told of every new state, on the tunnel's own thread
     */
    public static SshTunnel start(TunnelSpec spec, Consumer<TunnelState> listener) {
        return start(spec, listener, HopListener.NONE);
    }

    private static SshTunnel start(TunnelSpec spec, Consumer<TunnelState> listener, HopListener hops) {
        SshTunnel tunnel = new SshTunnel(spec, listener, hops);
        try {
            spec.forwards().forEach(tunnel::register);
        } catch (RuntimeException | Error e) {
            tunnel.close();
            throw e;
        }
        Thread.ofPlatform().daemon().name("tunnel-" + spec.name()).start(tunnel::keepUp);
        return tunnel;
    }

    /** The same, but waits until it is up; if the first attempt fails there is no tunnel. */
    public static SshTunnel open(TunnelSpec spec) {
        return open(spec, HopListener.NONE);
    }

    /** The same, and tells each step of the base link, and how forwards are opened for clients. */
    public static SshTunnel open(TunnelSpec spec, HopListener hops) {
        SshTunnel tunnel = start(spec, _ -> {}, hops);
        try {
            tunnel.awaitUp(Deadline.NEVER);
            return tunnel;
        } catch (RuntimeException | Error e) {
            tunnel.close();
            throw e;
        }
    }

    /** Goes all the way to the far end of a forward once, tells each step, and leaves nothing behind. */
    public static void probe(TunnelSpec spec, Forward.Local forward, HopListener hops) {
        SshLink.Callers nobody = (_, channel, _) -> channel.refuse();
        try (SshLink link = SshLink.open(spec.name() + "-probe", spec, nobody, hops)) {
            long began = System.nanoTime();
            HubChannel channel = link.open(forward, new HubChannel.Receiver() {
                @Override
                public void arrived(byte[] bytes, int offset, int length) {}

                @Override
                public void ended() {}
            });
            hops.passed(Step.FORWARD, Duration.ofNanos(System.nanoTime() - began));
            channel.close();
        }
    }

    /** Waits for the first success or the first failure, which is thrown. Every step is bounded, so this is, too. */
    public void awaitUp(Deadline deadline) {
        synchronized (changed) {
            while (true) {
                switch (state) {
                    case TunnelState.Up _ -> {
                        return;
                    }
                    case TunnelState.Down down -> throw down.cause();
                    case TunnelState.Connecting _ -> {
                        if (deadline.isOver()) {
                            throw new TunnelException.Unreachable(
                                    spec.target() + ": the tunnel was not up within " + Durations.show(deadline.total())
                                            + ".",
                                    null);
                        }
                        awaitChange(deadline.atMost(HOUSEKEEPING));
                    }
                }
            }
        }
    }

    /** Adds a forward while the tunnel stands; a reverse one needs it up. */
    public void add(Forward forward) {
        TunnelSpec.check(forward);
        register(forward);
        SshLink link = base;
        if (forward instanceof Forward.ReverseTcp reverse && link != null) {
            try {
                link.listenOnHub(reverse);
            } catch (RuntimeException e) {
                callbacks.remove(reverse);
                throw e;
            }
        }
    }

    /** Lets nobody in by this forward any more; connections that stand go on. */
    public void remove(Forward.Local forward) {
        Doorway doorway = doorways.remove(forward);
        if (doorway != null) {
            doorway.close();
        }
    }

    private void register(Forward forward) {
        switch (forward) {
            case Forward.Local local -> {
                if (doorways.containsKey(local)) {
                    throw new TunnelException.BadSpec("the forward " + local + " is there already.", null);
                }
                doorways.put(local, Doorway.open(spec.name(), local, usher));
            }
            case Forward.ReverseTcp reverse -> callbacks.add(reverse);
        }
    }

    /** Where clients of this forward come in: the port that was chosen, if it was left open. */
    public SocketAddress address(Forward.Local forward) {
        Doorway doorway = doorways.get(forward);
        if (doorway == null) {
            throw new TunnelException.BadSpec("there is no forward " + forward + ".", null);
        }
        return doorway.address();
    }

    public TunnelState state() {
        return state;
    }

    /**
     * When something was heard from the hub last is what a watchdog may rest upon: true if the base
     * link stands, whose own watch ends it after the limit of silence.
     */
    public boolean isUp() {
        SshLink link = base;
        return link != null && link.isUp();
    }

    /** Asks the hub a few times and tells the shortest time until it answered; zero if it is not up or takes too long. */
    public Duration measureRoundTrip(Duration limit) {
        SshLink link = base;
        return link == null ? Duration.ZERO : link.measureRoundTrip(limit);
    }

    public TunnelView view() {
        List<LinkView> links = new ArrayList<>();
        SshLink link = base;
        if (link != null) {
            links.add(link.view());
        }
        links.addAll(dataLinks.views());
        List<ForwardView> forwards = new ArrayList<>();
        doorways.values().forEach(doorway -> forwards.add(doorway.view()));
        forwards.addAll(callbacks.views());
        return new TunnelView(spec.name(), spec.target(), state, timesLost.get(), links, forwards);
    }

    private SshLink open(String name, HopListener told) {
        return SshLink.open(name, spec, callbacks, told);
    }

    /** The life of the tunnel: connect, stay, lose, wait, and again. */
    private void keepUp() {
        Backoff backoff = new Backoff(spec.persistence());
        long downSince = System.nanoTime();
        while (!closed) {
            TunnelException cause;
            enter(new TunnelState.Connecting(Instant.now()));
            try {
                SshLink link = open(spec.name() + "-0", hops);
                cause = stayUp(link);
                backoff.reset();
                downSince = System.nanoTime();
                timesLost.incrementAndGet();
            } catch (TunnelException e) {
                cause = e;
            } catch (RuntimeException | Error e) {
                // Whoever waits for the tunnel must hear of it: a keeper that is gone without a word would be a hang.
                cause = new TunnelException.LinkLost(spec.target() + ": unexpected: " + e, e);
            }
            lastCause = cause;
            if (closed || !pause(cause, backoff.next(), downSince)) {
                return;
            }
        }
    }

    /** Returns the cause when the link is lost. */
    private TunnelException stayUp(SshLink link) {
        try (link) {
            callbacks.forwards().forEach(link::listenOnHub);
            base = link;
            if (!hasControl()) {
                dataLinks.lend(link);
            }
            enter(new TunnelState.Up(Instant.now(), link.serverVersion()));
            CompletableFuture<?> _ = link.ended().thenRun(this::wake);
            synchronized (changed) {
                while (!closed && link.isUp()) {
                    awaitChange(HOUSEKEEPING);
                    dataLinks.closeIdle(spec.limits().idle());
                }
            }
            TunnelException cause = link.loss();
            return cause != null ? cause : new TunnelException.Cancelled(spec.target() + ": the tunnel was closed.");
        } finally {
            base = null;
        }
    }

    private void wake() {
        synchronized (changed) {
            changed.notifyAll();
        }
    }

    private boolean hasControl() {
        return !callbacks.forwards().isEmpty()
                || doorways.keySet().stream().anyMatch(forward -> forward.traffic() == Forward.Traffic.CONTROL);
    }

    /** Waits for the time of the next attempt; false if there will be none. */
    private boolean pause(TunnelException cause, Duration pause, long downSince) {
        Duration downFor = Duration.ofNanos(System.nanoTime() - downSince).plus(pause);
        boolean givenUp = spec.persistence()
                .budget()
                .map(budget -> !cause.mayPass() || downFor.compareTo(budget) > 0)
                .orElse(false);
        Instant now = Instant.now();
        enter(new TunnelState.Down(now, cause, givenUp ? Optional.empty() : Optional.of(now.plus(pause))));
        Deadline deadline = Deadline.in(pause);
        // Trying sooner helps a client that waits, but not if only a person can help.
        Duration soon = spec.limits().eagerPause();
        Deadline eager = cause.mayPass() && soon.compareTo(pause) < 0 ? Deadline.in(soon) : deadline;
        synchronized (changed) {
            while (!closed && !givenUp && !deadline.isOver() && !(waiting.get() > 0 && eager.isOver())) {
                awaitChange((waiting.get() > 0 && !eager.isOver() ? eager : deadline).atMost(HOUSEKEEPING));
            }
        }
        return !closed && !givenUp;
    }

    private void enter(TunnelState next) {
        synchronized (changed) {
            state = next;
            changed.notifyAll();
        }
        switch (next) {
            case TunnelState.Connecting _ ->
                LOG.log(INFO, () -> "tunnel=" + spec.name() + " connecting to " + spec.target());
            case TunnelState.Up up -> LOG.log(INFO, () -> "tunnel=" + spec.name() + " up server=" + up.serverVersion());
            case TunnelState.Down down ->
                LOG.log(
                        WARNING,
                        () -> "tunnel=" + spec.name() + " down: " + down.cause().getMessage());
        }
        listener.accept(next);
    }

    @SuppressWarnings("WaitNotInLoop") // All callers loop.
    private void awaitChange(Duration limit) {
        try {
            changed.wait(Math.max(1, limit.toMillis()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TunnelException.Cancelled(spec.target() + ": interrupted while waiting for the tunnel.");
        }
    }

    // ---- for the usher

    /** The base link, if it stands. */
    @Nullable
    SshLink standing() {
        SshLink link = base;
        return link == null || !link.isUp() ? null : link;
    }

    /** Why there is no link right now. */
    TunnelException whyDown() {
        if (state instanceof TunnelState.Down down) {
            return down.cause();
        }
        TunnelException before = lastCause;
        return new TunnelException.Unreachable(
                before == null
                        ? spec.target() + ": the tunnel is still connecting."
                        : "the tunnel is connecting again; before: " + before.getMessage(),
                before);
    }

    boolean isClosed() {
        return closed;
    }

    /** A client waits for the link, so the next attempt comes soon. */
    void waits(boolean one) {
        waiting.addAndGet(one ? 1 : -1);
        wake();
    }

    /** Comes back when there may be news of the state, or the time is over. */
    void awaitNews(Duration limit) {
        synchronized (changed) {
            if (!closed && standing() == null) {
                awaitChange(limit);
            }
        }
    }

    /** Lets nobody in any more and ends all links; never waits for the hub. */
    @Override
    public void close() {
        synchronized (changed) {
            closed = true;
            changed.notifyAll();
        }
        doorways.values().forEach(Doorway::close);
        dataLinks.closeAll();
        SshLink link = base;
        if (link != null) {
            link.close();
        }
    }
}
