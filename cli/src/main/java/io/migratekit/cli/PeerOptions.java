package io.migratekit.cli;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Limits;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which options does every command have that talks to an NBD server? Time limits and wordiness. */
final class PeerOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "15s",
            converter = Times.class,
            description = "Longest silence in one wait: address, connection, greeting, options, read"
                    + " (default: ${DEFAULT-VALUE}). A server that is slow but sends something is not interrupted.")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(
            names = "--extents-timeout",
            paramLabel = "TIME",
            defaultValue = "300s",
            converter = Times.class,
            description = "Longest silence while the server lists extents, which may legally take minutes"
                    + " (default: ${DEFAULT-VALUE}). The target of a copy has no more than --timeout for it.")
    @SuppressWarnings("NullAway.Init")
    private Duration extentsTimeout;

    @Option(
            names = "--deadline",
            paramLabel = "TIME",
            converter = Times.class,
            description = "Longest time for the whole command, progress or not (default: none).")
    private @Nullable Duration deadline;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell on stderr what is being waited for; print stack traces.")
    private boolean verbose;

    /** How to connect, as these options want it; what is waited for is told to the console. */
    ConnectSpec connectSpec(String purpose, Console console) {
        if (verbose) {
            console.beVerbose();
        }
        requirePositive("--timeout", timeout);
        requirePositive("--extents-timeout", extentsTimeout);
        Optional.ofNullable(deadline).ifPresent(time -> requirePositive("--deadline", time));
        return ConnectSpec.of(purpose)
                .withLimits(Limits.of(timeout, extentsTimeout))
                .withDeadline(deadline == null ? Deadline.NEVER : Deadline.in(deadline))
                .withListener(new Announcer(console));
    }

    Duration timeout() {
        return timeout;
    }

    Duration extentsTimeout() {
        return extentsTimeout;
    }

    private void requirePositive(String option, Duration time) {
        if (time.isZero() || time.isNegative()) {
            throw new ParameterException(
                    mixee.commandLine(),
                    option + " must be longer than nothing: a wait without a limit is what we avoid");
        }
    }
}
