package io.migratekit.agent.copy;

import io.migratekit.agent.watch.ConnectionPulse;
import io.migratekit.agent.watch.Outcome;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.ConnectionGroup;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which connections does a worker have? Some to the source, some to the target, all in one wait. */
final class Ends {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    /** An end cannot be reached, or says that it leaves; with the side it is on. */
    static final class EndLost extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final Side side;
        final NbdException failure;

        EndLost(Side side, NbdException failure) {
            super(failure.getMessage(), failure);
            this.side = side;
            this.failure = failure;
        }
    }

    /** One connection, and what the monitor is told about it. */
    record Wire(Side side, NbdConnection connection, ConnectionPulse pulse) {
        /** Tells of a request that has just been made. */
        Request track(Request request, Object tag) {
            pulse.issued(request);
            return request.tag(tag);
        }

        int inFlight() {
            return connection.inFlight();
        }

        static Wire leastBusy(List<Wire> wires) {
            Wire least = wires.getFirst();
            for (Wire wire : wires) {
                if (wire.inFlight() < least.inFlight()) {
                    least = wire;
                }
            }
            return least;
        }
    }

    private final CopySpec spec;
    private final Pulse pulse;
    private final Copier.@Nullable Found found;
    private final List<Wire> sources = new ArrayList<>();
    private final List<Wire> targets = new ArrayList<>();
    private List<Wire> all = List.of();
    private @Nullable ConnectionGroup group;

    /** @param found what the ends were like at the beginning; null if this is the beginning */
    Ends(CopySpec spec, Pulse pulse, Copier.@Nullable Found found) {
        this.spec = spec;
        this.pulse = pulse;
        this.found = found;
    }

    /** Opens connections, one after the other, until there are so many to each end. */
    void open(ConnectSpec connect, int sourceCount, int targetCount) {
        try {
            while (sources.size() < sourceCount) {
                sources.add(connect(spec.source(), connect, Side.SOURCE));
            }
            while (targets.size() < targetCount) {
                // Only the source's storage may need minutes for its extents. A target that answers nothing is frozen.
                targets.add(connect(
                        spec.target(), connect.withLimits(connect.limits().withHastyExtents()), Side.TARGET));
            }
        } finally {
            regroup();
        }
    }

    private void regroup() {
        ConnectionGroup before = group;
        if (before != null) {
            before.close();
        }
        all = Stream.concat(sources.stream(), targets.stream()).toList();
        group = new ConnectionGroup(all.stream().map(Wire::connection).toList());
    }

    private Wire connect(NbdUri uri, ConnectSpec connect, Side side) {
        ConnectionPulse wire = pulse.opening(side.id() + "-" + NUMBER.incrementAndGet(), side, uri.toString());
        try {
            NbdConnection connection = NbdConnection.open(
                    uri,
                    connect.withPurpose(side.id())
                            .withContexts(List.of(ConnectSpec.BASE_ALLOCATION))
                            .withListener(wire.listener(connect.listener())));
            wire.state("READY");
            try {
                requireTheSame(uri, side, connection.info());
            } catch (CopyException e) {
                wire.closed(Outcome.INTERRUPTED, "another disk");
                connection.close();
                throw e;
            }
            return new Wire(side, connection, wire);
        } catch (NbdException e) {
            wire.closed(e);
            throw new EndLost(side, e);
        }
    }

    /** A server that was started again may serve another disk under the same name. */
    private void requireTheSame(NbdUri uri, Side side, ExportInfo now) {
        if (found == null) {
            return;
        }
        ExportInfo before = side == Side.SOURCE ? found.source() : found.target();
        boolean writable = side == Side.SOURCE || !now.readOnly();
        if (now.sizeBytes() != before.sizeBytes() || !writable) {
            throw new CopyException.Refused(uri + ": after the connection was lost the server serves something else: "
                    + now.sizeBytes() + " bytes" + (writable ? "" : ", read-only") + ", before it were "
                    + before.sizeBytes() + ". Nothing more is written");
        }
    }

    List<Wire> sources() {
        return sources;
    }

    List<Wire> targets() {
        return targets;
    }

    List<Wire> all() {
        return all;
    }

    /** Lets answers in, on any of the connections; waits at most so long. */
    void await(int atMostMillis) {
        ConnectionGroup open = group;
        if (open == null) {
            throw new IllegalStateException("not connected");
        }
        open.await(atMostMillis);
    }

    ExportInfo source() {
        return sources.getFirst().connection().info();
    }

    ExportInfo target() {
        return targets.getFirst().connection().info();
    }

    /** On which side a connection was lost; the source if on both. */
    Side lostSide() {
        return sources.stream().anyMatch(wire -> wire.connection().isLost()) ? Side.SOURCE : Side.TARGET;
    }

    /** Closes everything; a failure is what the waits under way ended with. */
    void close(@Nullable NbdException failure) {
        for (Wire wire : all) {
            if (failure == null) {
                wire.pulse().closed(Outcome.INTERRUPTED, "closed");
            } else if (!wire.connection().isLost()) {
                wire.pulse().closed(Outcome.INTERRUPTED, "closed, because another connection of this worker was lost");
            } else {
                wire.pulse().closed(failure);
            }
        }
        closeConnections();
    }

    private void closeConnections() {
        ConnectionGroup open = group;
        group = null; // Who ends may be asked to end again.
        if (open != null) {
            open.close();
        }
        all.forEach(wire -> wire.connection().close());
        sources.clear();
        targets.clear();
        all = List.of();
    }
}
