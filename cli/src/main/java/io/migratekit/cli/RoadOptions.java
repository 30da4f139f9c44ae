package io.migratekit.cli;

import io.migratekit.tunnel.Persistence;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Does the export lie behind an SSH server? Of a copy: the target. */
final class RoadOptions {
    @Option(
            names = "--ssh",
            paramLabel = "[USER@]HOST[:PORT]",
            description =
                    "The export (of copy: TARGET), or the hub, is as seen from this host; reach it through SSH. A Host"
                            + " entry of ~/.ssh/config will do.")
    private @Nullable String ssh;

    @Option(
            names = "--tunnel",
            paramLabel = "NAME",
            description = "The same, through the tunnel service of this name instead of an SSH session of our own.")
    private @Nullable String tunnel;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private SshOptions keys;

    /** The tunnel service to go through if nothing else was said. */
    void useUnlessGiven(String name) {
        if (ssh == null && tunnel == null) {
            tunnel = name;
        }
    }

    /** The tunnel that is wanted, up; null if none is. */
    @Nullable
    Way open(Console console, Duration timeout, Duration retryFor) {
        SshChoice choice = keys.choice();
        choice.refuseWithout(ssh);
        if (tunnel != null) {
            if (ssh != null) {
                throw new ParameterException(
                        choice.command().commandLine(), "--ssh and --tunnel are two ways to one place: give one");
            }
            return new ServiceRoad(console, tunnel, timeout);
        }
        return ssh == null
                ? null
                : new SshRoad(
                        console, choice.spec("target", ssh, timeout).withPersistence(Persistence.within(retryFor)));
    }
}
