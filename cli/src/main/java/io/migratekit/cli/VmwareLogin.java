package io.migratekit.cli;

import io.migratekit.vmware.VCenter;
import java.time.Duration;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How does a command log in that talks to nobody but the source? */
final class VmwareLogin {
    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareOptions vmware;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "15s",
            converter = Times.class,
            description = "Longest wait for a connection (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell on stderr what is being waited for; print stack traces.")
    private boolean verbose;

    VCenter login(Console console) {
        if (verbose) {
            console.beVerbose();
        }
        return VCenter.login(vmware.spec(timeout), new VmwareAnnouncer(console));
    }
}
