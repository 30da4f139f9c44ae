package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.jcraft.jsch.HubChannel;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.time.Duration;

/**
 * Who leads a client from the door to the hub? While the link is being made anew the usher waits together with the
 * client, for at most {@link TunnelLimits#doorWait}: so a client that comes a moment too early gets in instead of
 * failing. It shows the client out, with the reason, when that time is over, and at once when waiting cannot help: the
 * hub refuses, or only a person can mend it. A client that sees its connection end can try again; one that is left in
 * silence cannot know.
 */
final class Usher implements Doorway.Guide {
    private static final System.Logger LOG = System.getLogger(Usher.class.getName());
    private static final Duration SLICE = Duration.ofMillis(100);

    private final TunnelSpec spec;
    private final SshTunnel tunnel;
    private final DataLinks dataLinks;
    private final HopListener hops;

    Usher(TunnelSpec spec, SshTunnel tunnel, DataLinks dataLinks, HopListener hops) {
        this.spec = spec;
        this.tunnel = tunnel;
        this.dataLinks = dataLinks;
        this.hops = hops;
    }

    /** A way that was opened, and the link that the client has entered. */
    private record Led(SshLink link, HubChannel channel, Duration openTook) {}

    /** A client came in by one of our doors; on a thread of its own. */
    @Override
    public void lead(Relay relay, Forward.Local forward, ForwardCounters counters) {
        try {
            Led led = find(relay, forward);
            try {
                relay.run(led.channel(), led.openTook());
            } finally {
                led.link().leave(relay);
            }
        } catch (RuntimeException e) {
            if (e instanceof TunnelException cause) {
                hops.refused(cause);
                if (cause instanceof TunnelException.ForwardRefused no && no.isForbidden()) {
                    counters.forbidden();
                }
            }
            counters.refused(String.valueOf(e.getMessage()));
            LOG.log(WARNING, () -> "tunnel=" + spec.name() + " client shown out: " + e.getMessage());
            relay.abort();
        }
    }

    /** Tries as long as it may still help. */
    private Led find(Relay relay, Forward.Local forward) {
        Deadline deadline = Deadline.in(spec.limits().doorWait());
        boolean waits = false;
        try {
            while (true) {
                TunnelException cause;
                try {
                    return open(relay, forward);
                } catch (TunnelException e) {
                    cause = e;
                }
                if (!mayPass(cause) || deadline.isOver()) {
                    throw cause;
                }
                if (!waits) {
                    waits = true;
                    tunnel.waits(true);
                    String why = cause.getMessage();
                    LOG.log(
                            INFO,
                            () -> "tunnel=" + spec.name() + " client=" + relay.name() + " waits up to "
                                    + Durations.show(deadline.total()) + " for the link: " + why);
                }
                pause(relay, deadline);
            }
        } finally {
            if (waits) {
                tunnel.waits(false);
            }
        }
    }

    private boolean mayPass(TunnelException cause) {
        if (tunnel.isClosed()
                || Thread.currentThread().isInterrupted()
                || cause instanceof TunnelException.ForwardRefused) {
            return false;
        }
        return cause.mayPass() && !isHopeless();
    }

    private void pause(Relay relay, Deadline deadline) {
        if (tunnel.standing() != null) {
            sleep(deadline.atMost(SLICE)); // It was a data link that failed; the next one may not.
        }
        while (tunnel.standing() == null && !tunnel.isClosed() && !deadline.isOver() && !isHopeless()) {
            tunnel.awaitNews(deadline.atMost(SLICE));
            if (relay.hasLeft()) {
                throw new TunnelException.Cancelled("the client left while it waited for the link");
            }
        }
    }

    private boolean isHopeless() {
        return tunnel.state() instanceof TunnelState.Down down
                && (down.retryAt().isEmpty() || !down.cause().mayPass());
    }

    private static void sleep(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Led open(Relay relay, Forward.Local forward) {
        Attempt attempt = new Attempt(relay);
        SshLink link = enter(attempt, forward);
        try {
            long began = System.nanoTime();
            HubChannel channel = link.open(forward, attempt);
            Duration took = Duration.ofNanos(System.nanoTime() - began);
            hops.passed(Step.FORWARD, took);
            attempt.succeeded();
            link.enter(relay);
            return new Led(link, channel, took);
        } finally {
            link.leave(attempt);
        }
    }

    private SshLink enter(SshLink.Guest guest, Forward.Local forward) {
        SshLink link = tunnel.standing();
        if (link == null) {
            throw tunnel.whyDown();
        }
        if (forward.traffic() == Forward.Traffic.DATA) {
            return dataLinks.enter(guest);
        }
        link.enter(guest);
        return link;
    }

    /** Stands for a client on a link until its way is open: if that fails, the client need not notice. */
    private static final class Attempt implements HubChannel.Receiver, SshLink.Guest {
        private final Relay relay;
        private volatile boolean open;
        private boolean ended;

        Attempt(Relay relay) {
            this.relay = relay;
        }

        @Override
        public void arrived(byte[] bytes, int offset, int length) {
            if (!open) {
                open = true;
            }
            relay.arrived(bytes, offset, length);
        }

        @Override
        public void ended() {
            synchronized (this) {
                if (!open) {
                    ended = true;
                    return;
                }
            }
            relay.ended();
        }

        void succeeded() {
            synchronized (this) {
                open = true;
                if (!ended) {
                    return;
                }
            }
            relay.ended();
        }

        @Override
        public void abort() {
            // The attempt fails by itself, and its client may get another one.
        }
    }
}
