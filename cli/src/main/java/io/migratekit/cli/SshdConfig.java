package io.migratekit.cli;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Which lines fence a tunnel in, and why each of them?
 *
 * @param ports what may be reached on the hub's loopback; empty: unix sockets instead
 * @param reversePort where the hub may be asked to listen; 0: nowhere
 */
record SshdConfig(String user, List<Integer> ports, int reversePort) {
    private static final String LOOPBACK = "127.0.0.1:";

    SshdConfig {
        ports = List.copyOf(ports);
    }

    String text() {
        return """
                # For sshd on the hub: /etc/ssh/sshd_config.d/50-migratekit.conf
                # Check with `sshd -t`, then `systemctl reload ssh`. The user, without shell and password:
                #   useradd --system --create-home --shell /usr/sbin/nologin %s

                Match User %s
                    # A key is the only way in: a password could be guessed.
                    AuthenticationMethods publickey
                    PasswordAuthentication no
                    KbdInteractiveAuthentication no

                    # Forwards are all that a tunnel needs. No shell, no command, no sftp ...
                    MaxSessions 0
                    PermitTTY no
                    # ... and nothing that leads further into this host or out of it.
                    AllowAgentForwarding no
                    X11Forwarding no
                    PermitTunnel no

                %s
                %s
                    # Ports that the tunnel opens here are for this host alone.
                    GatewayPorts no

                    # A client that is gone frees its slot at the NBD server and its port here after 15 s. Without
                    # this it would hold them for ever, for nothing else notices that its network is gone.
                    ClientAliveInterval 5
                    ClientAliveCountMax 3

                # A tunnel opens several sessions at once. MaxStartups cannot stand in a Match block; its default, 10:30:100,
                # is enough for about three tunnels that reconnect at the same moment.

                # The same fence around the key itself, in case the block above gets lost.
                # In ~%s/.ssh/authorized_keys, as one line, before the public key (`migratekit hub sshd-config --key FILE` prints both):
                #   %s ssh-ed25519 AAAA...
                # "restrict" forbids everything, also what future versions may add; the rest allows what is needed.
                """.formatted(user, user, reachable(), listening(), user, key());
    }

    /** The line of authorized_keys for a public key. */
    String authorized(String publicKey) {
        return key() + " " + publicKey;
    }

    private String reachable() {
        if (ports.isEmpty()) {
            return """
                    # The hub's exports are unix sockets; owner and mode decide which of them the tunnel may use. Measured
                    # with OpenSSH 9.2: any PermitOpen, and AllowTcpForwarding no, would forbid all sockets, too. So sshd
                    # cannot keep the tunnel from TCP ports then; this rule of the firewall does, by the user's id:
                    #   nft add rule inet filter output meta skuid %s meta l4proto tcp ct state new reject
                    AllowStreamLocalForwarding local
                    AllowTcpForwarding %s
                """.formatted(user, reversePort == 0 ? "local" : "yes");
        }
        return """
                    # What may be reached: the ports of the hub's exports, on its loopback. sshd knows no ranges.
                    AllowTcpForwarding %s
                    PermitOpen %s
                    # Unix sockets cannot be listed, so none of them.
                    AllowStreamLocalForwarding no
                """.formatted(reversePort == 0 ? "local" : "yes", addresses(" ", "", ""));
    }

    private String listening() {
        return reversePort == 0 ? """
                    # The hub does not call back.
                    PermitListen none
                """ : """
                    # Where the tunnel may listen: the one port by which the hub calls the agent.
                    PermitListen %s
                """.formatted(LOOPBACK + reversePort);
    }

    private String key() {
        String open = ports.isEmpty() ? "" : "," + addresses(",", "permitopen=\"", "\"");
        String listen = reversePort == 0 ? "" : ",permitlisten=\"" + LOOPBACK + reversePort + "\"";
        return "restrict,port-forwarding" + open + listen;
    }

    private String addresses(String between, String before, String after) {
        return ports.stream().map(port -> before + LOOPBACK + port + after).collect(Collectors.joining(between));
    }
}
