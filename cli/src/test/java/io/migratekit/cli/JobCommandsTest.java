package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobRun;
import io.migratekit.agent.job.JobStart;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.watch.ConnectionPulse;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Reporter;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Stage;
import io.migratekit.agent.watch.StallWatch;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.agent.watch.WatchedJob;
import io.migratekit.nbd.Wait;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do status, why and rate tell the truth about jobs that run, that hang, that ended and that died? */
class JobCommandsTest {
    private static final JobIdentity IDENTITY =
            new JobIdentity("nbd://source/d", "nbd://hub/d", 1L << 30, "all", 1 << 20, false, Map.of());

    @TempDir
    @SuppressWarnings("NullAway.Init") // JUnit sets it.
    private Path folder;

    @Test
    void aRunningJobAnswers() throws InterruptedException {
        LinkedBlockingQueue<Long> rates = new LinkedBlockingQueue<>();
        Progress progress = new Progress();
        WatchedJob watched = new WatchedJob("nightly-7", "nbd://source/d", "nbd://hub/d");
        try (StallWatch watch = new StallWatch(watched, WatchLimits.DEFAULT, progress, report -> {});
                JobRun run = open("nightly-7");
                Reporter reporter = new Reporter(run, watch::statusJson, watch::dump, rates::add)) {
            progress.planned(1L << 30, 0);
            progress.phase(Progress.Phase.COPYING);
            Progress.UnitTally unit = progress.worker().unit();
            unit.listed(1L << 30, 1L << 29);
            unit.copied(1 << 28);
            Pulse worker = watch.worker("copy-0");
            worker.stage(Stage.COPYING);
            ConnectionPulse target = worker.opening("copy-target-0", Side.TARGET, "nbd://hub/d");
            target.listener().waiting("copy-target-0", Wait.GREETING, Duration.ofSeconds(15));
            reporter.start();

            Run why = job("why", "--job-id", "nightly-7");
            assertEquals(0, why.code(), why.err());
            assertTrue(why.out().contains("greeting"), why.out());
            assertEquals(why.code(), job("why").code(), "the only one that runs need not be named");

            Run status = job("status", "--job-id", "nightly-7");
            assertEquals(0, status.code(), status.err());
            assertTrue(status.out().startsWith("job nightly-7: running (run 1, pid "), status.out());
            assertTrue(status.out().contains("  copying 25.0% of 1 GiB\n"), status.out());
            assertTrue(status.out().contains("256 MiB of data copied at"), status.out());
            assertTrue(job("status").out().startsWith("nightly-7: running copying 25.0% of 1 GiB (pid "));

            JsonObject json = json("status", "--json", "--job-id", "nightly-7");
            assertEquals("running", json.get("state").getAsString());
            assertEquals("nightly-7", json.getAsJsonObject("status").get("job").getAsString());

            Run rate = job("rate", "--job-id", "nightly-7", "50M");
            assertEquals(0, rate.code(), rate.err());
            assertEquals(50 << 20, rates.poll(3, TimeUnit.SECONDS));
        }
    }

    /** A lock without anybody who answers is what a stopped process looks like from outside. */
    @Test
    void aJobThatDoesNotAnswerIsToldSo() {
        try (JobRun run = open("frozen")) {
            run.publishLastStatus("{\"at\":\"2020-01-01T00:00:00Z\",\"motion\":\"moving\"}");
            Run why = job("why", "--job-id", "frozen");
            assertEquals(60, why.code(), why.err());
            assertTrue(
                    why.out().contains("its process has not answered for 2 s and has published nothing for "),
                    why.out());
            assertTrue(why.out().contains("Process " + ProcessHandle.current().pid() + " is in the state "), why.out());
            assertTrue(
                    why.took().compareTo(Duration.ofSeconds(6)) < 0, why.took().toString());
            assertFalse(
                    json("why", "--json", "--job-id", "frozen").get("answered").getAsBoolean());
            Run status = job("status", "--job-id", "frozen");
            assertTrue(status.out().contains("the process has said nothing for "), status.out());
            assertTrue(json("status", "--json", "--job-id", "frozen")
                            .get("silentMillis")
                            .getAsLong()
                    > 1000);
        }
    }

    @Test
    void theEndOfAJobIsToldFromItsFiles() {
        try (JobRun run = open("failed")) {
            run.answerWhy("job failed: stalled in target-write");
            run.failed(60, "stalled in target-write: the target has not answered");
        }
        try (JobRun run = open("stopped")) {
            run.interrupted("Ctrl-C");
        }
        try (JobRun run = open("done")) {
            run.finished("{\"copiedBytes\":7}");
        }
        Run failed = job("why", "--job-id", "failed");
        assertEquals(0, failed.code());
        assertTrue(failed.out().contains("exit code 60: stalled in target-write: the target has"), failed.out());
        assertTrue(failed.out().contains("at its end, when it ran:\n\njob failed: stalled"), failed.out());
        assertTrue(job("status", "--job-id", "stopped").out().contains("Ctrl-C; the same command again resumes it"));
        assertEquals(
                7,
                json("status", "--json", "--job-id", "done")
                        .getAsJsonObject("report")
                        .get("copiedBytes")
                        .getAsInt());
        assertEquals(3, json("status", "--json").getAsJsonArray("jobs").size());
        assertEquals(3, job("status").out().lines().count());
        Run rate = job("rate", "--job-id", "done", "1M");
        assertEquals(2, rate.code());
        assertTrue(rate.err().contains("is not running"), rate.err());
        assertEquals(0, job("status", "--watch", "--job-id", "done").code(), "nothing to watch any more");
    }

    /** What a process publishes at its end: it waits for nothing any more. */
    private static final String LAST_STATUS = """
            {"at":"2020-01-01T00:00:00Z","motion":"resting","layer":null,"why":"disk 2001: no work","progress":{
            "phase":"copying","plannedBytes":1073741824,"doneBytes":268435456,"copiedBytes":268435456,
            "eta":{"kind":"known","seconds":0}}}""";

    @Test
    void aJobThatHasEndedWaitsForNothingAndTellsWhatItHasDone() {
        try (JobRun run = open("done")) {
            run.publishLastStatus(LAST_STATUS);
            run.answerWhy("nobody needs this any more");
            run.finished("""
                    {"vm":"web01","millis":9000,"disks":[
                    {"disk":2000,"label":"Hard disk 1","mode":"full","reason":"no milestone",
                     "copy":{"copied":7340032,"zeroed":0,"skipped":1048576,"millis":2000,"verified":true}},
                    {"disk":2001,"label":"Hard disk 2","mode":"incremental","reason":"what changed since",
                     "copy":{"copied":1048576,"resent":65536,"millis":1000}}],"warnings":["not at rest"]}""");
        }
        try (JobRun run = open("failed")) {
            run.publishLastStatus(LAST_STATUS);
            run.answerWhy("why: no work");
            run.failed(31, "the target gave no greeting");
        }
        for (String command : List.of("status", "why")) {
            Run done = job(command, "--job-id", "done");
            assertTrue(done.out().matches("(?s)job done: finished \\(run 1, ended [^)]* ago\\)\n.*"), done.out());
            assertTrue(done.out().endsWith("""
                              exit code 0
                              disk 2000 (Hard disk 1): everything, no milestone
                                copied 7 MiB of data in 2 s (3.5 MiB/s), zeroed 0 B, left alone 1 MiB; read back and compared: equal
                              disk 2001 (Hard disk 2): incremental, what changed since
                                copied 1 MiB of data in 1 s (1.1 MiB/s), zeroed 0 B, left alone 0 B, sent again 64 KiB
                              warning: not at rest
                            """), done.out());
            Run failed = job(command, "--job-id", "failed");
            assertTrue(failed.out().contains("job failed: failed (run 1, ended "), failed.out());
            assertTrue(
                    failed.out()
                            .endsWith(
                                    "  exit code 31: the target gave no greeting\n  by then: copying 25.0% of 1 GiB,"
                                            + " 256 MiB of data copied, 0 B zeroed, 0 B skipped, 0 B done before, 0 B sent but not durable\n"),
                    failed.out());
        }
        assertTrue(job("status").out().contains("done: finished (ended "), job("status")::out);
    }

    /** As the progress line does: what stalls is not almost done. */
    @Test
    void whatStallsPromisesNoEnd() {
        String status = """
                {"at":"%s","motion":"%s","layer":"target-write","why":"no answer","progress":{"phase":"copying",
                "plannedBytes":1024,"doneBytes":512,"bytesPerSecond":7,"eta":{"kind":"estimated","seconds":132}}}""";
        try (JobRun run = open("slow")) {
            run.publishLastStatus(status.formatted(Instant.now(), "moving"));
            assertTrue(job("status", "--job-id", "slow").out().contains("re-sent; about 2.2 min left\n"));
            for (String trouble : List.of("stalled", "slow")) {
                run.publishLastStatus(status.formatted(Instant.now(), trouble));
                Run told = job("status", "--job-id", "slow");
                assertFalse(told.out().contains(" left"), told.out());
                assertTrue(told.out().contains("  " + trouble + " in target-write: no answer\n"), told.out());
            }
        }
    }

    @Test
    void aTimelineEndsWithTheLastSignOfLife() throws IOException {
        Instant later = Instant.now().plusSeconds(60).truncatedTo(ChronoUnit.MILLIS);
        dies("seen", run -> {
            run.note(JobEvent.TOLD, Map.of("message", "looks at the disks"));
            run.publishLastStatus("{\"at\":\"" + later + "\"}");
        });
        List<JsonElement> seen = steps("seen");
        JsonObject end = seen.getLast().getAsJsonObject();
        assertEquals(3, seen.size(), seen.toString());
        assertEquals(later.toString(), end.get("time").getAsString());
        assertEquals(
                "last sign of life; its process is gone without a word: killed, or its machine went down",
                end.get("what").getAsString());

        dies("heard", run -> {
            run.publishLastStatus("somebody else wrote this");
            run.note(JobEvent.TOLD, Map.of("message", "looks at the disks"));
        });
        List<JsonElement> heard = steps("heard");
        assertEquals(3, heard.size(), heard.toString());
        assertTrue(heard.getLast().toString().contains("last sign of life"), heard.toString());
        assertEquals(
                heard.get(1).getAsJsonObject().get("time"),
                heard.getLast().getAsJsonObject().get("time"));

        open("heard").close();
        open("heard").close();
        List<String> words = steps("heard").stream()
                .map(step -> step.getAsJsonObject().get("what").getAsString())
                .toList();
        assertEquals("goes on, run 2; the run before noted no end: killed, or its machine went down", words.get(2));
        assertEquals("goes on, run 3", words.get(4));
    }

    /** With a full state directory the journal is often the only place that still takes a line. */
    @Test
    void anEndThatOnlyTheJournalKnowsIsNoDeath() throws IOException {
        dies("full", run -> run.note(JobEvent.FAILED, Map.of("exitCode", 63, "message", "no room")));
        Run status = job("status", "--job-id", "full");
        assertTrue(status.out().startsWith("job full: failed (run 1, ended "), status.out());
        assertTrue(status.out().contains("  exit code 63: no room\n"), status.out());
        assertFalse(status.out().contains("gone without a word"), status.out());
        assertEquals(
                63, json("status", "--json", "--job-id", "full").get("exitCode").getAsInt());
        List<JsonElement> steps = steps("full");
        assertEquals(2, steps.size(), steps.toString());
        assertEquals(
                "failed with 63: no room",
                steps.getLast().getAsJsonObject().get("what").getAsString());
    }

    private List<JsonElement> steps(String id) {
        return json("timeline", "--json", "--job-id", id)
                .getAsJsonArray("steps")
                .asList();
    }

    /** What is on disk while a run works is what is left when it is killed at that moment. */
    private void dies(String id, Consumer<JobRun> work) throws IOException {
        Path elsewhere = folder.resolve("elsewhere-" + id);
        try (JobRun run = open(elsewhere, id)) {
            work.accept(run);
            Path left = Files.createDirectories(folder.resolve("jobs").resolve(id));
            try (DirectoryStream<Path> files = Files.newDirectoryStream(run.folder())) {
                for (Path file : files) {
                    Files.copy(file, left.resolve(file.getFileName().toString()));
                }
            }
        }
    }

    @Test
    void questionsAboutNothingAreMistakes() {
        assertMistake("there is no job 'nobody'", "status", "--job-id", "nobody");
        assertMistake(
                "the state directory " + folder + " knows no job nope; `migratekit status` lists",
                "timeline",
                "--job-id",
                "nope");
        assertMistake("no job is running", "why");
        assertMistake("no job is running", "rate", "1M");
        assertMistake("'1KB' is not a size", "rate", "1KB");
        assertMistake("--watch needs a --job-id", "status", "--watch");
        assertMistake("a job id consists of", "why", "--job-id", "../x");
        Run none = job("status");
        assertEquals(0, none.code());
        assertTrue(none.err().contains("there are no jobs"), none.err());
    }

    private void assertMistake(String words, String... command) {
        Run run = job(command);
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().toLowerCase(Locale.ROOT).contains(words.toLowerCase(Locale.ROOT)), run.err());
    }

    private JsonObject json(String... words) {
        return JsonParser.parseString(job(words).out()).getAsJsonObject();
    }

    private Run job(String... words) {
        String[] all = Arrays.copyOf(words, words.length + 2);
        all[words.length] = "--state-dir";
        all[words.length + 1] = folder.toString();
        return Run.migratekit(all);
    }

    private JobRun open(String id) {
        return open(folder, id);
    }

    private static JobRun open(Path folder, String id) {
        if (new JobStore(folder).open(new JobId(id), IDENTITY) instanceof JobStart.Ready ready) {
            return ready.run();
        }
        throw new AssertionError("the job is new");
    }
}
