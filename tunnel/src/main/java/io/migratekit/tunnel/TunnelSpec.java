package io.migratekit.tunnel;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * Which tunnel is wanted? Everything about it, and nothing secret.
 *
 * @param name tells this tunnel from others in messages and names of threads
 * @param forwards those that stand from the start; more can be added
 * @param dataLinks at most so many SSH sessions carry data beside each other
 */
public record TunnelSpec(
        String name,
        SshTarget target,
        SshKeys keys,
        HostKeys hostKeys,
        List<Forward> forwards,
        TunnelLimits limits,
        Persistence persistence,
        int dataLinks) {
    /** Measured: a fifth session adds nothing on two processors, and each costs sshd a process. */
    public static final int DEFAULT_DATA_LINKS = 4;

    public TunnelSpec {
        forwards = List.copyOf(forwards);
        forwards.forEach(TunnelSpec::check);
        if (dataLinks < 1 || dataLinks > 32) {
            throw new TunnelException.BadSpec("data links: " + dataLinks + " is not between 1 and 32.", null);
        }
    }

    public static TunnelSpec of(String name, SshTarget target, SshKeys keys, HostKeys hostKeys) {
        return new TunnelSpec(
                name,
                target,
                keys,
                hostKeys,
                List.of(),
                TunnelLimits.DEFAULT,
                Persistence.FOR_EVER,
                DEFAULT_DATA_LINKS);
    }

    public TunnelSpec withForwards(Forward... newForwards) {
        return new TunnelSpec(name, target, keys, hostKeys, List.of(newForwards), limits, persistence, dataLinks);
    }

    public TunnelSpec withLimits(TunnelLimits newLimits) {
        return new TunnelSpec(name, target, keys, hostKeys, forwards, newLimits, persistence, dataLinks);
    }

    public TunnelSpec withPersistence(Persistence newPersistence) {
        return new TunnelSpec(name, target, keys, hostKeys, forwards, limits, newPersistence, dataLinks);
    }

    public TunnelSpec withDataLinks(int links) {
        return new TunnelSpec(name, target, keys, hostKeys, forwards, limits, persistence, links);
    }

    /** NBD knows no passwords: a port that others can reach would be an open disk. */
    static void check(Forward forward) {
        if (forward instanceof Forward.Local local
                && local.listen() instanceof InetSocketAddress tcp
                && (tcp.isUnresolved() || !tcp.getAddress().isLoopbackAddress())) {
            throw new TunnelException.BadSpec(
                    "the forward " + forward + " would listen where other machines reach it, and what is behind it"
                            + " knows no passwords. Use 127.0.0.1 or a unix socket.",
                    null);
        }
    }
}
