package io.migratekit.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Who are we to an SSH server, and by what is it known to us? The options of every command that goes
 * through SSH. What they leave open is as for {@code ssh}: the user's configuration, keys and agent.
 */
final class SshOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--ssh-key",
            paramLabel = "FILE",
            description = "Private key for SSH (default: as in ~/.ssh/config, else the agent and ~/.ssh/id_*).")
    private @Nullable Path key;

    @Option(
            names = "--ssh-passphrase-file",
            paramLabel = "FILE",
            description = "File whose first line opens the private key.")
    private @Nullable Path passphraseFile;

    @Option(
            names = "--ssh-known-hosts",
            paramLabel = "FILE",
            description = "Host keys that are trusted (default: ~/.ssh/known_hosts). An unknown one is never accepted.")
    private @Nullable Path knownHosts;

    @Option(
            names = "--ssh-fingerprint",
            paramLabel = "SHA256:...",
            description = "Trust the one host key with this fingerprint instead.")
    private @Nullable String fingerprint;

    /** What was said. */
    SshChoice choice() {
        return new SshChoice(mixee, "--ssh", key, passphraseFile, knownHosts, fingerprint);
    }
}
