package io.migratekit.tunnel;

import com.jcraft.jsch.HubSession;

/** Why did the SSH server not make a forward, and what can be done about it? */
final class Refusals {
    /** So its reason begins when the rules of the server are the cause. */
    static final String FORBIDDEN = "administratively prohibited";

    private static final int PROHIBITED = 1;
    private static final int CONNECT_FAILED = 2;
    private static final int UNKNOWN_TYPE = 3;

    private Refusals() {}

    static TunnelException.ForwardRefused explain(SshTarget target, Forward.Local forward, HubSession.Refusal refusal) {
        String words = refusal.words().replaceAll("[^ -~]", "?");
        String reason = switch (refusal.code()) {
                    case PROHIBITED -> FORBIDDEN;
                    case CONNECT_FAILED -> "connect failed";
                    case UNKNOWN_TYPE -> "unknown channel type";
                    default -> "refused with code " + refusal.code();
                }
                + (words.isBlank() ? "" : ": " + words);
        return new TunnelException.ForwardRefused(
                target + ": the SSH server did not open the forward to " + farEnd(forward) + " (" + reason + "). "
                        + remedy(forward, refusal.code()),
                reason);
    }

    private static String farEnd(Forward.Local forward) {
        return switch (forward) {
            case Forward.LocalTcp tcp -> tcp.hubHost() + ":" + tcp.hubPort() + " on the hub";
            case Forward.LocalUnix unix -> "the socket " + unix.hubSocket() + " on the hub";
        };
    }

    private static String remedy(Forward.Local forward, int code) {
        return switch (forward) {
            case Forward.LocalTcp tcp ->
                code == CONNECT_FAILED
                        ? "Usual cause: nothing listens there. Start the export on the hub, or check the port."
                        : "Usual cause: sshd's rules. Allow it there with `PermitOpen " + tcp.hubHost() + ":"
                                + tcp.hubPort() + "` and `AllowTcpForwarding yes`, in sshd_config or authorized_keys.";
            case Forward.LocalUnix _ ->
                code == CONNECT_FAILED
                        ? "Usual cause: there is no such socket, nobody listens on it, the SSH user may not enter"
                                + " its directory, or sshd has any PermitOpen, which forbids all sockets without saying so."
                        : "Usual cause: sshd's rules. Allow it there with `AllowStreamLocalForwarding yes`.";
        };
    }

    static TunnelException.ForwardRefused explain(SshTarget target, Forward.ReverseTcp forward) {
        return new TunnelException.ForwardRefused(
                target + ": the SSH server does not listen on " + forward.hubAddress() + ":" + forward.hubPort()
                        + " for us. Usual cause: the port is taken there, perhaps still by our last session (sshd's"
                        + " ClientAliveInterval ends it), or its rules forbid it (PermitListen, AllowTcpForwarding).",
                "no reason given");
    }
}
