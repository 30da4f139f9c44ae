package io.migratekit.cli;

import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.RuntimeDirectory;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A way through a tunnel that runs as a service: it is asked for a forward to where the export is, and keeps that for
 * as long as we are there.
 */
final class ServiceRoad implements Way {
    private final String tunnel;
    private final ControlClient client;
    private final Deque<ControlClient.Lease> leases = new ArrayDeque<>();

    ServiceRoad(String tunnel, Duration timeout) {
        this.tunnel = tunnel;
        client = new ControlClient(RuntimeDirectory.byDefault(System.getenv()), timeout);
    }

    @Override
    public NbdUri through(NbdUri uri) {
        String to = switch (uri.transport()) {
            case NbdUri.Tcp tcp -> (tcp.host().contains(":") ? "[" + tcp.host() + "]" : tcp.host()) + ":" + tcp.port();
            case NbdUri.Unix unix -> "unix:" + unix.socketPath();
        };
        ControlClient.Lease lease = client.lease(tunnel, to, Forward.Traffic.DATA);
        leases.push(lease);
        NbdUri.Transport door = switch (lease.address()) {
            case UnixDomainSocketAddress unix -> new NbdUri.Unix(unix.getPath().toString());
            case InetSocketAddress tcp -> new NbdUri.Tcp(tcp.getAddress().getHostAddress(), tcp.getPort());
            default -> throw new IllegalStateException("no way to " + lease.address());
        };
        return uri.through("tunnel " + tunnel, door);
    }

    /** The service knows how its tunnel is, and asking could block; `migratekit tunnel status` tells. */
    @Override
    public Road road(Side side) {
        return new Road(side, tunnel, true, "");
    }

    @Override
    public void close() {
        leases.forEach(ControlClient.Lease::close);
    }
}
