package io.migratekit.cli;

import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.ForwardView;
import io.migratekit.tunnel.HopListener;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelSpec;
import io.migratekit.tunnel.TunnelState;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * How does a command reach an export that only another host sees? Through an SSH tunnel of its own.
 */
final class SshRoad implements Way {
    /** OpenSSH's server lets so much be under way to it on each connection, and no more. */
    private static final long WINDOW_BYTES = 2 << 20;
    /** A few processors encrypt about so much in a second. */
    private static final long FULL_BYTES_A_SECOND = 400 << 20;

    private static final Duration ROUND_TRIP_LIMIT = Duration.ofSeconds(1);

    private final Console console;
    private final SshTunnel tunnel;
    private final String name;
    private final DoorFolder doors;

    /** Makes the tunnel; when this returns it is up. Whoever listens is told of its steps. */
    SshRoad(Console console, TunnelSpec spec, HopListener hops) {
        this.console = console;
        name = "ssh://" + spec.target();
        doors = new DoorFolder();
        try {
            tunnel = SshTunnel.open(spec, hops);
        } catch (RuntimeException | Error e) {
            doors.close();
            throw e;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Path door(NbdUri.Transport there, Forward.Traffic traffic) {
        Path door = doors.next();
        SocketAddress listen = UnixDomainSocketAddress.of(door);
        tunnel.add(
                switch (there) {
                    case NbdUri.Tcp tcp -> new Forward.LocalTcp(listen, tcp.host(), tcp.port(), traffic);
                    case NbdUri.Unix unix -> new Forward.LocalUnix(listen, unix.socketPath(), traffic);
                });
        return door;
    }

    @Override
    public Road road(Side side) {
        return switch (tunnel.state()) {
            case TunnelState.Up _ ->
                forbidden()
                        .map(why -> new Road(side, name, false, "closed to us: " + why))
                        .orElseGet(() -> new Road(side, name, true, ""));
            case TunnelState.Connecting connecting ->
                new Road(side, name, false, "connecting for " + since(connecting.since()));
            case TunnelState.Down down ->
                new Road(
                        side,
                        name,
                        false,
                        "down for " + since(down.since()) + ": " + down.cause().getMessage());
        };
    }

    /** A session whose server lets nobody through leads nowhere. */
    private Optional<String> forbidden() {
        return tunnel.view().forwards().stream()
                .filter(ForwardView::forbidden)
                .findFirst()
                .flatMap(ForwardView::lastRefusal);
    }

    TunnelState state() {
        return tunnel.state();
    }

    /** Zero if the hub does not answer for a second. */
    Duration roundTrip() {
        return tunnel.measureRoundTrip(ROUND_TRIP_LIMIT);
    }

    @Override
    public int connectionsToFill() {
        return connectionsToFill(roundTrip());
    }

    @Override
    public void callBack(int portThere, InetSocketAddress here) {
        try {
            tunnel.add(new Forward.ReverseTcp("127.0.0.1", portThere, here));
        } catch (TunnelException e) {
            console.say("the hub cannot call this agent, which goes on asking: " + e.getMessage());
        }
    }

    static int connectionsToFill(Duration roundTrip) {
        double underWayBytes = FULL_BYTES_A_SECOND * (roundTrip.toNanos() / 1e9);
        return (int) Math.max(1, Math.ceil(underWayBytes / WINDOW_BYTES));
    }

    private static String since(Instant then) {
        return Durations.show(Duration.between(then, Instant.now()));
    }

    @Override
    public void close() {
        sayWhatWasRefused();
        tunnel.close();
        doors.close();
    }

    /** To an NBD client a refused forward is a connection that ends at once; only the tunnel knows why. */
    private void sayWhatWasRefused() {
        for (ForwardView forward : tunnel.view().forwards()) {
            forward.lastRefusal()
                    .ifPresent(reason -> console.say(name + ": not let through " + forward.refused()
                            + (forward.refused() == 1 ? " time: " : " times, at last: ") + reason));
        }
    }
}
