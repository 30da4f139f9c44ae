package io.migratekit.cli;

import io.migratekit.agent.hub.HubAddress;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.Secret;
import io.migratekit.tunnel.HopListener;
import io.migratekit.tunnel.Persistence;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which other hub gets a copy, who are we there, and how is it reached? */
final class OtherHubOptions {
    private static final String VARIABLE = "MIGRATEKIT_TO_HUB_TOKEN";

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--to-hub",
            paramLabel = "URL|unix:PATH",
            required = true,
            description = "The hub that gets a copy; with --to-ssh or --to-tunnel as seen from that host.")
    @SuppressWarnings("NullAway.Init")
    private String hub;

    @Option(
            names = "--to-hub-token-file",
            paramLabel = "FILE",
            description = "File whose first line is a token of that hub. Without it: the variable " + VARIABLE
                    + ". A unix socket needs none.")
    private @Nullable Path tokenFile;

    @Option(names = "--to-tunnel", paramLabel = "NAME", description = "The tunnel service of this name leads there.")
    private @Nullable String tunnel;

    @Option(
            names = "--to-ssh",
            paramLabel = "[USER@]HOST[:PORT]",
            description = "Reach it through SSH. A Host entry of ~/.ssh/config will do.")
    private @Nullable String ssh;

    @Option(
            names = "--to-ssh-key",
            paramLabel = "FILE",
            description = "Private key (default: the agent's and the usual files).")
    private @Nullable Path key;

    @Option(names = "--to-ssh-passphrase-file", paramLabel = "FILE", description = "Its first line unlocks the key.")
    private @Nullable Path passphraseFile;

    @Option(
            names = "--to-ssh-known-hosts",
            paramLabel = "FILE",
            description = "By what the host is known (default: the user's known_hosts).")
    private @Nullable Path knownHosts;

    @Option(
            names = "--to-ssh-fingerprint",
            paramLabel = "SHA256:...",
            description = "The host's key, as ssh-keygen -l prints it, instead of known_hosts.")
    private @Nullable String fingerprint;

    /** The way there, up; null if none is needed. */
    @Nullable
    Way open(Console console, Duration timeout, Duration retryFor) {
        SshChoice choice = new SshChoice(mixee, "--to-ssh", key, passphraseFile, knownHosts, fingerprint);
        choice.refuseWithout(ssh);
        if (tunnel != null && ssh != null) {
            throw new ParameterException(
                    mixee.commandLine(), "--to-ssh and --to-tunnel are two ways to one place: give one");
        }
        if (tunnel != null) {
            return new ServiceRoad(console, tunnel, timeout);
        }
        return ssh == null
                ? null
                : new SshRoad(
                        console,
                        choice.spec("other", ssh, timeout).withPersistence(Persistence.within(retryFor)),
                        HopListener.NONE);
    }

    HubClient client(@Nullable Way way, Duration silence, Duration retryFor, HubClient.Listener listener) {
        String variable = System.getenv(VARIABLE);
        Secret token = tokenFile != null
                ? SecretFile.read("token", tokenFile)
                : variable == null || variable.isEmpty() ? null : new Secret(variable.toCharArray());
        return HubOptions.client(
                mixee.commandLine(),
                HubAddress.parse(hub),
                token,
                way,
                new HubClient.Limits(silence, retryFor),
                listener);
    }
}
