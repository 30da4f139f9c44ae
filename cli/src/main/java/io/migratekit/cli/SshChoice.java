package io.migratekit.cli;

import io.migratekit.tunnel.HostKeys;
import io.migratekit.tunnel.SshKeys;
import io.migratekit.tunnel.SshTarget;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelLimits;
import io.migratekit.tunnel.TunnelSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * With which keys do we go through SSH? What is not said is what {@code ssh} itself would take: an entry of
 * ~/.ssh/config, the user's agent and keys, the user's known_hosts.
 *
 * @param command whose options these are, for messages
 * @param prefix what the names of the options begin with, such as {@code --ssh}
 */
record SshChoice(
        CommandSpec command,
        String prefix,
        @Nullable Path key,
        @Nullable Path passphraseFile,
        @Nullable Path knownHosts,
        @Nullable String fingerprint) {

    /** Whether anything was said. */
    boolean given() {
        return key != null || passphraseFile != null || knownHosts != null || fingerprint != null;
    }

    /** A mistake if keys were named for a way that is not taken. */
    void refuseWithout(@Nullable String destination) {
        if (destination == null && given()) {
            throw new ParameterException(command.commandLine(), prefix + "-... means nothing without " + prefix);
        }
    }

    /**
     * The tunnel to this host, without forwards yet.
     *
     * @param destination [user@]host[:port]; the host may be an entry of ~/.ssh/config
     * @param timeout the limit of each step to the hub
     */
    TunnelSpec spec(String name, String destination, Duration timeout) {
        SshTarget.Configured configured =
                SshTarget.parse(destination, Path.of(System.getProperty("user.home"), ".ssh", "config"));
        return TunnelSpec.of(name, configured.target(), keys(configured), hostKeys(configured))
                .withLimits(limits(timeout));
    }

    /** A silent hub is noticed before the patience with a single wait behind it ends. */
    private static TunnelLimits limits(Duration timeout) {
        TunnelLimits usual = TunnelLimits.DEFAULT;
        Duration doorWait = timeout.multipliedBy(2).dividedBy(3);
        TunnelLimits limits = usual.withTimeout(timeout)
                .withDoorWait(doorWait.compareTo(usual.doorWait()) < 0 ? doorWait : usual.doorWait());
        Duration keepalive = timeout.dividedBy(limits.misses() + 1L);
        return keepalive.compareTo(limits.keepalive()) < 0 ? limits.withKeepalive(keepalive, limits.misses()) : limits;
    }

    private SshKeys keys(SshTarget.Configured configured) {
        Path file = key;
        if (file != null) {
            Path opener = passphraseFile;
            return opener == null ? SshKeys.of(file) : SshKeys.of(file, opener);
        }
        if (passphraseFile != null) {
            throw new ParameterException(
                    command.commandLine(), prefix + "-passphrase-file needs the " + prefix + "-key that it opens");
        }
        List<SshKeys.KeyFile> ofEntry = configured.keys().stream()
                .filter(Files::isReadable)
                .map(path -> new SshKeys.KeyFile(path, Optional.empty()))
                .toList();
        return ofEntry.isEmpty() ? SshKeys.ofUser() : new SshKeys(ofEntry, SshKeys.agentOfUser());
    }

    private HostKeys hostKeys(SshTarget.Configured configured) {
        Path file = knownHosts;
        if (file != null && fingerprint != null) {
            throw new ParameterException(
                    command.commandLine(),
                    prefix + "-known-hosts and " + prefix + "-fingerprint are two ways to know one host: give one");
        }
        if (fingerprint != null) {
            return pinned(fingerprint);
        }
        if (file != null) {
            return new HostKeys.KnownHosts(List.of(file));
        }
        return configured.knownHosts().isEmpty()
                ? HostKeys.KnownHosts.ofUser()
                : new HostKeys.KnownHosts(configured.knownHosts());
    }

    private HostKeys pinned(String text) {
        try {
            return new HostKeys.Pinned(text);
        } catch (TunnelException.BadSpec e) {
            throw new ParameterException(command.commandLine(), prefix + "-fingerprint: " + e.getMessage(), e);
        }
    }
}
