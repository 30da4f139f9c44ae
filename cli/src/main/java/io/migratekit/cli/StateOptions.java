package io.migratekit.cli;

import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.StateDirectory;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where are jobs remembered? The option that commands about jobs share. */
final class StateOptions {
    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description =
                    "Where jobs are remembered (default: $MIGRATEKIT_STATE_DIR, else /var/lib/migratekit for root,"
                            + " else $XDG_STATE_HOME/migratekit).")
    private @Nullable Path stateDirectory;

    JobStore store() {
        Path chosen = stateDirectory;
        if (chosen != null && chosen.toString().isBlank()) {
            throw new CommandFailed(ExitCode.USAGE, "--state-dir is empty; is it from a variable that is not set?");
        }
        return new JobStore(
                chosen != null ? chosen : StateDirectory.byDefault(System.getenv(), StateDirectory.isRoot()));
    }
}
