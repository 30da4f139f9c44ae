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
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Does `bin/quickstart` make two backups of its VM, show each failure of its tour within a bound, leave nothing behind,
 * and say what is wrong when something is?
 */
@Execution(ExecutionMode.CONCURRENT)
class QuickstartIT {
    private static final Duration LIMIT = Duration.ofSeconds(150);
    /** The failure itself is bounded by less; what else runs beside it on this machine slows it down. */
    private static final Duration LIMIT_OF_A_FAILURE = Duration.ofSeconds(40);

    private static final Pattern SECONDS = Pattern.compile("of data in ([3-9]|\\d\\d)(\\.\\d)? s ");
    private static final Pattern EXIT_CODE = Pattern.compile("\\(exit code (\\d+)\\)");
    private static final String PROGRAM =
            Path.of("..", "bin", "quickstart").toAbsolutePath().normalize().toString();

    @TempDir
    private Path folder;

    private Path lab() {
        return folder.resolve("lab");
    }

    private Run quickstart(String... words) {
        List<String> line = new ArrayList<>(List.of(PROGRAM, "--folder", lab().toString()));
        line.addAll(List.of(words));
        return Run.program(LIMIT, line);
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

        assertTwoBackupsAreTrue(quickstart("--keep"));
        Run list = Run.migratekit(
                "hub", "list", "--repository", lab().resolve("repository").toString());
        assertEquals(2, CopyProcess.count(list.out(), "complete"), list::toString);
        assertEquals(1, CopyProcess.count(list.out(), "incremental"), list::toString);
        Run another = quickstart();
        assertEquals(1, another.code(), another::toString);
        assertTrue(another.err().contains("a lab is running in " + lab() + " already"), another::err);
        assertTrue(somethingRuns());

        Run stop = quickstart("stop");
        assertEquals(0, stop.code(), stop::toString);
        assertNothingIsLeft();
    }

    /** The codes are those of all commands in turn; the sentences name the layer. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "slot          | 124 31 31 31 0 0 0 | no NBD greeting within 1 s | qemu-nbd serves ONE client unless",
                "silent        | 31 31 0       | no NBD greeting within 1 s | 0 bytes received in all",
                "frozen-hub    | 0 0           | copy: stalled in target-   | moves again (it had stalled in target-",
                "frozen-source | 0 0           | copy: stalled in source-   | moves again (it had stalled in source-",
                "tunnel-cut    | 0 0           | the SSH session has ended  | left alone 0 B, sent again",
                "full-disk     | 40 0          | No space left on device    | The target has no space left",
                "slow-source   | 0 0           | copied 2 MiB of data in    | rdelay=500ms",
                "descriptors   | 63 0          | Too many open files        | ulimit -a",
                "cbt-reset     | 0 0 0         | everything, change tracking began anew | incremental, what changed since"
            })
    void aFailureIsShownWithItsLayerAndItsControl(String name, String codes, String sentence, String more) {
        Run run = quickstart("--break", name);
        assertEquals(0, run.code(), run::toString);
        assertEquals(
                codes,
                EXIT_CODE
                        .matcher(run.out())
                        .results()
                        .map(code -> code.group(1))
                        .collect(Collectors.joining(" ")),
                run::out);
        assertTrue(run.out().contains(sentence), run::out);
        assertTrue(run.out().contains(more), run::out);
        assertTrue(run.took().compareTo(LIMIT_OF_A_FAILURE) < 0, run::toString);
        if (name.equals("slow-source")) { // longer than --stall-after
            assertTrue(SECONDS.matcher(run.out()).find(), run::out);
            assertFalse(run.out().contains("stalled"), run::out);
        }
        assertNothingIsLeft();
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
