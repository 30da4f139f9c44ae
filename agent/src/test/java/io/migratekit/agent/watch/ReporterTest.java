package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobRun;
import io.migratekit.agent.job.JobStart;
import io.migratekit.agent.job.JobStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do other terminals get their answers, and does the run hear of a new rate, once? */
class ReporterTest {
    private static final JobId ID = new JobId("nightly-7");

    @Test
    void statusWhyAndRateGoThroughTheStateDirectory(@TempDir Path folder) throws InterruptedException {
        JobStore store = new JobStore(folder);
        JobIdentity identity = new JobIdentity("nbd://a", "nbd://b", 1 << 20, "all", 1 << 20, false, Map.of());
        Scene scene = new Scene();
        LinkedBlockingQueue<Long> rates = new LinkedBlockingQueue<>();
        if (!(store.open(ID, identity) instanceof JobStart.Ready ready)) {
            throw new AssertionError("the job is new");
        }
        try (JobRun run = ready.run()) {
            try (Reporter reporter = new Reporter(run, scene.watch::statusJson, scene.watch::dump, rates::add)) {
                reporter.start();
                String dump = store.askWhy(ID, Duration.ofSeconds(2)).orElseThrow();
                assertTrue(dump.startsWith("job nightly-7: moving"), dump);
                assertTrue(store.requestRate(ID, 50 << 20));
                assertEquals(50 << 20, rates.poll(2, TimeUnit.SECONDS));
                assertTrue(store.requestRate(ID, 0));
                assertEquals(0, rates.poll(2, TimeUnit.SECONDS));
                scene.stage(Stage.DONE);
            }
            String status = store.status(ID).orElseThrow();
            assertTrue(status.contains("\"stage\":\"done\""), "the last word is the newest: " + status);
        }
        assertEquals(0, rates.size());
    }
}
