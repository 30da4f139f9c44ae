package io.migratekit.cli;

import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Where is the vCenter, who are we there, and whom do we trust? The options of every command that talks to the
 * source; what they leave open may stand in {@code [vcenter.NAME]} of the configuration.
 */
final class VmwareOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--vmware-endpoint",
            paramLabel = "HOST[:PORT]|URL",
            description = "The vCenter, or an ESXi host alone.")
    private @Nullable String endpoint;

    @Option(names = "--vmware-username", paramLabel = "USER", description = "Who we are there.")
    private @Nullable String username;

    @Option(
            names = "--vmware-thumbprint",
            paramLabel = "HEX",
            description =
                    "Trust the server with this certificate: its SHA-1 or SHA-256, as 'vmware thumbprint' shows it.")
    private @Nullable String thumbprint;

    @Option(
            names = "--vmware-ca-file",
            paramLabel = "FILE",
            description = "Trust a server for which these authorities (PEM) vouch (default: those of this machine).")
    private @Nullable Path caFile;

    @Option(
            names = "--vmware-password-file",
            paramLabel = "FILE",
            description = "File whose first line is the password.")
    private @Nullable Path passwordFile;

    @Option(
            names = "--vmware-password-fd",
            paramLabel = "N",
            description = "File descriptor whose first line is the password. Without both: the variable "
                    + VmwarePassword.VARIABLE + ", then systemd's credential '" + VmwarePassword.CREDENTIAL + "'.")
    private @Nullable Integer passwordDescriptor;

    @Option(
            names = "--vcenter",
            paramLabel = "NAME",
            description = "Take what is not said here from [vcenter.NAME] of the configuration.")
    private @Nullable String name;

    @Option(
            names = "--call-timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            converter = Times.class,
            description = "Longest wait for the whole answer to one call (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration callTimeout;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ConfigOptions config;

    /** Refused before its value is even kept: it would stand in the list of processes, for everybody to read. */
    @SuppressWarnings("DoNotCallSuggester") // picocli calls it, to be refused.
    @Option(names = "--vmware-password", paramLabel = "VALUE", hidden = true)
    void refusePassword(String ignored) {
        throw new ParameterException(
                mixee.commandLine(),
                "a password on the command line can be read by everybody on this machine; use "
                        + VmwarePassword.ALTERNATIVES + ". Consider the one just given as known, and change it");
    }

    /**
     * Everything that is needed to log in.
     *
     * @param timeout the longest wait for a connection
     */
    VCenterSpec spec(Duration timeout) {
        Optional<VCenterConfig> file = configured();
        Endpoint where = endpoint == null
                ? file.flatMap(VCenterConfig::endpoint)
                        .orElseThrow(() -> missing("--vmware-endpoint", "which vCenter or ESXi host"))
                : Endpoint.parse(endpoint);
        String user = username == null
                ? file.flatMap(VCenterConfig::username)
                        .orElseThrow(() -> missing("--vmware-username", "who we are there"))
                : username;
        return new VCenterSpec(
                where,
                user,
                VmwarePassword.find(
                        passwordFile,
                        passwordDescriptor,
                        file.flatMap(VCenterConfig::passwordFile),
                        System.getenv(),
                        timeout),
                trust(file),
                limits(timeout),
                file.flatMap(VCenterConfig::apiVersion).orElse(VCenterSpec.USUAL_API_VERSION));
    }

    private VCenterLimits limits(Duration timeout) {
        if (timeout.isZero() || callTimeout.isZero()) {
            throw new ParameterException(
                    mixee.commandLine(), "a wait without a limit is what we avoid: give a time longer than nothing");
        }
        VCenterLimits usual = VCenterLimits.DEFAULT;
        return new VCenterLimits(
                timeout, callTimeout, usual.task(), usual.removal(), usual.retryFor(), usual.keepAlive());
    }

    /** Whether a vCenter or host is named. */
    boolean given() {
        return endpoint != null || name != null;
    }

    ConfigOptions config() {
        return config;
    }

    private Optional<VCenterConfig> configured() {
        return Optional.ofNullable(name).map(wanted -> config.require().requireVCenter(wanted));
    }

    private Trust trust(Optional<VCenterConfig> file) {
        if (thumbprint != null && caFile != null) {
            throw new ParameterException(
                    mixee.commandLine(),
                    "--vmware-thumbprint does not go with --vmware-ca-file: they are two ways to know one server");
        }
        if (thumbprint != null) {
            return new Trust.Pin(Thumbprint.parse(thumbprint));
        }
        if (caFile != null) {
            return new Trust.CaFile(caFile);
        }
        return file.flatMap(VCenterConfig::trust).orElseGet(Trust.SystemCa::new);
    }

    private ParameterException missing(String option, String what) {
        return new ParameterException(
                mixee.commandLine(),
                "say with " + option + " " + what + ", or name a [vcenter.NAME] of the configuration with --vcenter");
    }
}
