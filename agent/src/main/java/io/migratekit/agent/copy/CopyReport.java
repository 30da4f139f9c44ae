package io.migratekit.agent.copy;

import io.migratekit.agent.watch.Progress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What came of a copy?
 *
 * @param hashRoot stands for the content that was read, if it was hashed
 * @param warnings what did not stop the copy but should be known
 */
public record CopyReport(
        Progress.Counts counts,
        Duration took,
        int workers,
        boolean verified,
        Optional<String> hashRoot,
        List<String> warnings) {

    public CopyReport {
        warnings = List.copyOf(warnings);
    }
}
