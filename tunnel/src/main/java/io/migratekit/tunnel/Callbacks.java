package io.migratekit.tunnel;

import com.jcraft.jsch.HubChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Who comes to us from the hub, and where are they led? The near end of reverse forwards. */
final class Callbacks implements SshLink.Callers {
    private final TunnelSpec spec;
    private final Map<Forward.ReverseTcp, ForwardCounters> forwards = new ConcurrentHashMap<>();

    Callbacks(TunnelSpec spec) {
        this.spec = spec;
    }

    void add(Forward.ReverseTcp forward) {
        forwards.put(forward, new ForwardCounters());
    }

    void remove(Forward.ReverseTcp forward) {
        forwards.remove(forward);
    }

    Set<Forward.ReverseTcp> forwards() {
        return Set.copyOf(forwards.keySet());
    }

    List<ForwardView> views() {
        return forwards.entrySet().stream()
                .map(entry ->
                        entry.getValue().view(entry.getKey(), entry.getKey().target()))
                .toList();
    }

    /** On the thread that reads the session, which must not wait. */
    @Override
    public void called(SshLink link, HubChannel channel, int hubPort) {
        Optional<Map.Entry<Forward.ReverseTcp, ForwardCounters>> called = forwards.entrySet().stream()
                .filter(entry -> entry.getKey().hubPort() == hubPort)
                .findAny();
        Thread.ofPlatform().daemon().name("relay-" + spec.name() + "-back").start(() -> {
            if (called.isEmpty()) {
                channel.refuse();
            } else {
                lead(link, channel, called.get().getKey(), called.get().getValue());
            }
        });
    }

    private void lead(SshLink link, HubChannel channel, Forward.ReverseTcp forward, ForwardCounters counters) {
        Relay relay;
        try {
            relay = new Relay(spec.name() + "-back", connect(forward.target()), counters);
        } catch (IOException e) {
            counters.refused("nothing answers at " + forward.target() + ": " + e.getMessage());
            channel.refuse();
            return;
        }
        link.enter(relay);
        try {
            channel.accept(relay, Relay.WINDOW_BYTES);
            relay.run(channel);
        } catch (IOException e) {
            relay.abort();
        } finally {
            link.leave(relay);
        }
    }

    private SocketChannel connect(SocketAddress target) throws IOException {
        SocketChannel client = SocketChannel.open(
                target instanceof UnixDomainSocketAddress ? StandardProtocolFamily.UNIX : StandardProtocolFamily.INET);
        try {
            if (target instanceof InetSocketAddress) {
                client.socket().connect(target, (int) spec.limits().connect().toMillis());
            } else {
                client.connect(target); // A unix socket answers at once, or its queue is full and it says so.
            }
            return client;
        } catch (IOException | RuntimeException e) {
            client.close();
            throw e;
        }
    }
}
