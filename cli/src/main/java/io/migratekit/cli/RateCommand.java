package io.migratekit.cli;

import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How is a running job made slower or faster? */
@Command(
        name = "rate",
        description = "Tell a running job how many bytes a second to read at most; it does so within a second.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class RateCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--job-id", paramLabel = "ID", description = "The job (default: the only one that runs).")
    private @Nullable String jobId;

    @Parameters(
            index = "0",
            paramLabel = "RATE",
            converter = SizeConverter.class,
            description = "Bytes per second, such as 50M; 0 for no limit.")
    private long rate;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private StateOptions state;

    RateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        JobStore store = state.store();
        JobView job = JobFinder.find(store, jobId);
        if (!store.requestRate(job.id(), rate)) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    "job " + job.id()
                            + " is not running, so there is nothing to slow down; give --rate when it is run again");
        }
        console.say("job " + job.id() + " was told to "
                + (rate == 0 ? "read as fast as it can" : "read at most " + Sizes.rounded(rate) + " a second"));
        return ExitCode.DONE.code();
    }
}
