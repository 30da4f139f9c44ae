package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Does `bin/quickstart` make two backups of its VM, show each failure of its tour within a bound, leave nothing behind,
 * and say what is wrong when something is?
 */
@Execution(ExecutionMode.CONCURRENT)
class QuickstartIT {
    private static final Duration LIMIT = Duration.ofSeconds(150);
    /** The failure itself is bounded by less; what else runs beside it on this machine slows it down. */
    private static final Duration LIMIT_OF_A_FAILURE = Duration.ofSeconds(40);

    private static final Duration LIMIT_OF_THE_TOUR = Duration.ofMinutes(6);

    private static final Pattern SECONDS = Pattern.compile("of data in ([3-9]|\\d\\d)(\\.\\d)? s ");
    private static final Pattern EXIT_CODE = Pattern.compile("\\(exit code (\\d+)\\)");
    private static final Pattern TOOK = Pattern.compile("done in (\\d+\\.\\d) s");
    private static final String PROGRAM =
            Path.of("..", "bin", "quickstart").toAbsolutePath().normalize().toString();

    @TempDir
    private Path folder;

    private Path lab() {
        return folder.resolve("lab");
    }

    private Run quickstart(String... words) {
        return quickstart(LIMIT, words);
    }

    private Run quickstart(Duration limit, String... words) {
        List<String> line = new ArrayList<>(List.of(PROGRAM, "--folder", lab().toString()));
        line.addAll(List.of(words));
        return Run.program(limit, line);
    }

    private boolean somethingRuns() {
        return ProcessHandle.allProcesses()
                .anyMatch(process -> process.info().commandLine().orElse("").contains(lab().toString()));
    }

    private void assertNothingIsLeft() {
        assertFalse(Files.exists(lab()));
        assertFalse(somethingRuns());
    }

    private static void assertTwoBackupsAreTrue(Run run) {
        assertEquals(0, run.code(), run::toString);
        assertEquals(4, CopyProcess.count(run.out(), "Images are identical."), run::out);
        assertTrue(run.out().contains("All well"), run::out);
    }

    @Test
    @Timeout(300)
    void twoBackupsTwiceInARowAndALabThatIsKept() {
        assertTwoBackupsAreTrue(quickstart());
        assertNothingIsLeft();

        Run kept = quickstart("--keep");
        assertTwoBackupsAreTrue(kept);
        Run list = Run.migratekit(
                "hub", "list", "--repository", lab().resolve("repository").toString());
        assertEquals(2, CopyProcess.count(list.out(), "complete"), list::toString);
        assertEquals(1, CopyProcess.count(list.out(), "incremental"), list::toString);
        assertWhatIsSaidToTryWorks(kept);
        Run another = quickstart();
        assertEquals(1, another.code(), another::toString);
        assertTrue(another.err().contains("a lab is running in " + lab() + " already"), another::err);
        assertTrue(somethingRuns());

        Run stop = quickstart("stop");
        assertEquals(0, stop.code(), stop::toString);
        assertNothingIsLeft();
    }

    /** As somebody pastes it, in its order. */
    private void assertWhatIsSaidToTryWorks(Run kept) {
        String lines = kept.out()
                .lines()
                .dropWhile(line -> !line.startsWith("The lab goes on running"))
                .filter(line -> line.startsWith("  bin/migratekit hub ") || line.startsWith("  bin/migratekit vmware "))
                .collect(Collectors.joining("\n"));
        String script = "set -ex\nL=" + lab() + "\n" + lines + "\n";
        Run tried = Run.program(LIMIT, List.of("env", "-C", root(), "sh", "-c", script));
        assertEquals(0, tried.code(), tried::toString);
        assertTrue(lines.contains(" hub verify ") && tried.out().contains("good     web01-2"), tried::toString);
        assertTrue(lines.contains(" hub restore "), lines);
        assertTrue(Files.exists(lab().resolve("restored/disk-2000.qcow2")), tried::toString);
    }

    private static String root() {
        return Path.of("..").toAbsolutePath().normalize().toString();
    }

    /** What one failure has to show: the exit codes of all commands in turn, and sentences, which name the layer. */
    private record Shown(String name, String codes, String sentence, String more) {}

    private static final List<Shown> FAILURES = List.of(
            new Shown("slot", "124 31 31 31 0 0 0", "no NBD greeting within 1 s", "qemu-nbd serves ONE client unless"),
            new Shown("silent", "31 31 0", "no NBD greeting within 1 s", "0 bytes received in all"),
            new Shown("frozen-hub", "0 0", "copy: stalled in target-", "moves again (it had stalled in target-"),
            new Shown("frozen-source", "0 0", "copy: stalled in source-", "moves again (it had stalled in source-"),
            new Shown("tunnel-cut", "0 0", "the SSH session has ended", "left alone 0 B, sent again"),
            new Shown("full-disk", "40 0", "No space left on device", "The target has no space left"),
            new Shown("slow-source", "0 0", "copied 2 MiB of data in", "rdelay=500ms"),
            new Shown("descriptors", "63 0", "Too many open files", "ulimit -a"),
            new Shown(
                    "cbt-reset", "0 0 0", "everything, change tracking began anew", "incremental, what changed since"));

    /** All of them in one run, so on the same ports: each has to come up behind what the one before has left there. */
    @Test
    void eachFailureIsShownWithItsLayerAndItsControl() {
        Run run = quickstart(LIMIT_OF_THE_TOUR, "--break", "all");
        assertEquals(0, run.code(), run::toString);
        assertNothingIsLeft();
        for (int i = 0; i < FAILURES.size(); i++) {
            Shown failure = FAILURES.get(i);
            String until = i + 1 < FAILURES.size() ? heading(i + 1) : "\nAll as it should be";
            int begins = run.out().indexOf(heading(i));
            int ends = run.out().indexOf(until, begins);
            assertTrue(begins >= 0 && ends > begins, () -> failure.name() + " is not shown in its turn: " + run.out());
            assertShown(failure, run.out().substring(begins, ends));
        }
    }

    /** Before them is the step that looks at what is needed. */
    private static String heading(int failure) {
        return "\n" + (failure + 2) + ". " + FAILURES.get(failure).name() + ": ";
    }

    private static void assertShown(Shown failure, String text) {
        assertEquals(
                failure.codes(),
                EXIT_CODE.matcher(text).results().map(code -> code.group(1)).collect(Collectors.joining(" ")),
                text);
        assertTrue(text.contains(failure.sentence()), text);
        assertTrue(text.contains(failure.more()), text);
        Matcher took = TOOK.matcher(text);
        assertTrue(took.find(), text);
        assertTrue(Double.parseDouble(took.group(1)) < LIMIT_OF_A_FAILURE.toSeconds(), text);
        if (failure.name().equals("slow-source")) { // longer than --stall-after
            assertTrue(SECONDS.matcher(text).find(), text);
            assertFalse(text.contains("stalled"), text);
        }
    }

    @Test
    void failuresAreListedAndAnUnknownOneIsRefused() {
        Run list = quickstart("--break", "list");
        assertEquals(0, list.code(), list::toString);
        assertEquals(10, list.out().lines().count(), list::out);
        Run unknown = quickstart("--break", "nothing");
        assertEquals(2, unknown.code(), unknown::toString);
        assertTrue(unknown.err().contains("there is no failure called nothing"), unknown::err);
        assertNothingIsLeft();
    }

    @Test
    void aHubThatDoesNotComeUpIsShown() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            Run run = quickstart("--port", Integer.toString(taken.getLocalPort() - 1));
            assertEquals(1, run.code(), run::toString);
            assertTrue(run.err().contains("hub ended instead of coming up"), run::err);
            assertTrue(run.err().contains("choose another with --port"), run::err);
        }
        assertFalse(somethingRuns());
        assertTrue(Files.exists(lab().resolve("log/hub")));
        assertEquals(0, quickstart("stop").code());
        assertNothingIsLeft();
    }

    /** A folder that is somebody's is not touched, neither by a start nor by an end. */
    @Test
    void aFolderThatIsNoLabIsLeftAlone() throws IOException {
        Files.createDirectories(lab());
        Path kept = Files.writeString(lab().resolve("log"), "mine");
        Run run = quickstart();
        assertEquals(1, run.code(), run::toString);
        assertTrue(run.err().contains("is not empty and not a lab"), run::err);
        assertEquals(0, quickstart("stop").code());
        assertEquals("mine", Files.readString(kept));
    }

    @Test
    void aRunThatIsEndedEndsItsLab() throws Exception {
        Process run = new ProcessBuilder(PROGRAM, "--folder", lab().toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile())
                .start();
        try {
            Waiting.until("the hub has a log", LIMIT, () -> Files.exists(lab().resolve("log/hub")) || !run.isAlive());
            run.destroy();
            assertTrue(run.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS));
        } finally {
            run.destroyForcibly();
        }
        assertEquals(143, run.exitValue(), () -> MigrateLab.read(folder.resolve("said")));
        assertFalse(somethingRuns());
        assertEquals(0, quickstart("stop").code());
        assertNothingIsLeft();
    }
}
