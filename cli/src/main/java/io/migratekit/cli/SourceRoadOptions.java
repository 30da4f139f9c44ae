package io.migratekit.cli;

import io.migratekit.tunnel.HopListener;
import io.migratekit.tunnel.Persistence;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Does the source of a copy lie behind an SSH server? */
final class SourceRoadOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--source-ssh",
            paramLabel = "[USER@]HOST[:PORT]",
            description =
                    "SOURCE is as seen from this host; reach it through SSH. A Host entry of ~/.ssh/config will do.")
    private @Nullable String ssh;

    @Option(
            names = "--source-ssh-key",
            paramLabel = "FILE",
            description = "Private key (default: the agent's and the usual files).")
    private @Nullable Path key;

    @Option(
            names = "--source-ssh-passphrase-file",
            paramLabel = "FILE",
            description = "Its first line unlocks the key.")
    private @Nullable Path passphraseFile;

    @Option(
            names = "--source-ssh-known-hosts",
            paramLabel = "FILE",
            description = "By what the host is known (default: the user's known_hosts).")
    private @Nullable Path knownHosts;

    @Option(
            names = "--source-ssh-fingerprint",
            paramLabel = "SHA256:...",
            description = "The host's key, as ssh-keygen -l prints it, instead of known_hosts.")
    private @Nullable String fingerprint;

    /** The tunnel that is wanted, up; null if none is. */
    @Nullable
    Way open(Console console, Duration timeout, Duration retryFor) {
        SshChoice choice = new SshChoice(mixee, "--source-ssh", key, passphraseFile, knownHosts, fingerprint);
        choice.refuseWithout(ssh);
        return ssh == null
                ? null
                : new SshRoad(
                        console,
                        choice.spec("source", ssh, timeout).withPersistence(Persistence.within(retryFor)),
                        HopListener.NONE);
    }
}
