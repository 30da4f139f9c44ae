package io.migratekit.agent.watch;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was seen of a worker at one moment? Times are those of {@code System.nanoTime()}.
 *
 * @param offset of the range it works on; {@code length} is 0 if there is none
 * @param turnNanos when it last looked at its connections
 * @param trouble what was lost since the last answer; null if nothing
 * @param over the last few connections that are over
 */
record WorkerView(
        String worker,
        @Nullable Thread thread,
        Stage stage,
        long offset,
        long length,
        long sinceNanos,
        long turnNanos,
        @Nullable Trouble trouble,
        List<ConnectionView> connections,
        List<ConnectionView> over) {}
