package io.migratekit.cli;

import io.migratekit.agent.job.JobEntry;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which job does the user mean? The one that is named, or the only one that runs. */
final class JobFinder {
    private JobFinder() {}

    static JobView find(JobStore store, @Nullable String id) {
        if (id != null) {
            return store.view(new JobId(id))
                    .orElseThrow(() -> new CommandFailed(
                            ExitCode.USAGE,
                            "there is no job '" + id
                                    + "'. `migratekit status` lists those there are, and --state-dir says"
                                    + " where to look"));
        }
        List<JobView> live = store.list().stream()
                .filter(JobView.class::isInstance)
                .map(JobView.class::cast)
                .filter(JobView::live)
                .toList();
        if (live.size() != 1) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    (live.isEmpty() ? "no job is running" : live.size() + " jobs are running")
                            + "; say which one is meant with --job-id. `migratekit status` lists them: "
                            + String.join(
                                    ", ",
                                    store.list().stream()
                                            .map(JobEntry::id)
                                            .map(JobId::text)
                                            .limit(10)
                                            .toList()));
        }
        return live.getFirst();
    }
}
