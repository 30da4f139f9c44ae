package io.migratekit.cli;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which VM? As a parameter or, as other commands have it, as an option. */
final class VmwareVmOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "VM",
            converter = VmName.class,
            description = "Its path, instance UUID, reference or name.")
    private @Nullable String vm;

    @Option(
            names = "--vmware-path",
            paramLabel = "/DC/vm/NAME",
            converter = VmName.class,
            description = "The same as an option, as other commands have it.")
    private @Nullable String path;

    Optional<String> find() {
        if (vm != null && path != null) {
            throw new ParameterException(
                    mixee.commandLine(), "say once which VM: as a parameter or with --vmware-path");
        }
        return Optional.ofNullable(vm).or(() -> Optional.ofNullable(path));
    }

    String require() {
        return find().orElseThrow(() ->
                new ParameterException(mixee.commandLine(), "say which VM: its path, UUID, reference or name"));
    }
}
