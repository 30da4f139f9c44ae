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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Does `bin/quickstart` make two backups of its VM, leave nothing behind, and say what is wrong when something is? */
@Execution(ExecutionMode.CONCURRENT)
class QuickstartIT {
    private static final Duration LIMIT = Duration.ofSeconds(150);
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
