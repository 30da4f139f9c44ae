package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Rule V9: does the password stay where it belongs, whichever way it comes? */
@Execution(ExecutionMode.CONCURRENT)
class MigratePasswordIT {
    private static final long MIB = 1 << 20;
    /** The beginning of the simulated vCenter's password, which is the same however the rest is escaped. */
    private static final String CANARY = "s3cret";

    @TempDir
    private Path folder;

    private record Way(String name, List<String> before, List<String> words, boolean ownEnvironment) {}

    @Test
    void ruleV9ThePasswordIsNowhereToBeRead() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 6 * MIB)) {
            String password = lab.vcenter().settings().password();
            assertTrue(password.startsWith(CANARY));
            lab.guestWrites(new Random(3), 60);
            Path credentials = Files.createDirectory(folder.resolve("credentials"));
            Files.writeString(credentials.resolve("vmware-password"), password);
            List<Way> ways = List.of(
                    new Way("file", List.of(), lab.password(), false),
                    new Way(
                            "descriptor",
                            List.of("bash", "-c", "exec \"$@\" 9< " + folder.resolve("password"), "bash"),
                            List.of("--vmware-password-fd", "9"),
                            false),
                    new Way(
                            "variable",
                            // The shell, so that no list of processes shows it even for a moment.
                            List.of(
                                    "bash",
                                    "-c",
                                    "export MIGRATEKIT_VMWARE_PASSWORD=\"$(cat " + folder.resolve("password")
                                            + ")\"; exec \"$@\"",
                                    "bash"),
                            List.of(),
                            true),
                    new Way("credential", List.of("env", "CREDENTIALS_DIRECTORY=" + credentials), List.of(), false));
            for (Way way : ways) {
                watch(lab, way);
            }
        }
    }

    private void watch(MigrateLab lab, Way way) throws IOException {
        String job = way.name();
        try (CopyProcess copy = lab.startWith(
                way.before(),
                job,
                List.of(lab.trust(), way.words(), lab.toTargets()),
                "--full",
                "--rate",
                "500K",
                "-v")) {
            Waiting.until(
                    "it copies",
                    MigrateLab.LIMIT,
                    () -> lab.ask("status", job, "--json").out().contains("\"copying\"") || !copy.isAlive());
            assertTrue(copy.isAlive(), copy::err);
            copy.signal("QUIT");
            List<ProcessHandle> family = new ArrayList<>(
                    ProcessHandle.of(copy.pid()).orElseThrow().descendants().toList());
            assertTrue(
                    family.stream().anyMatch(p -> p.info().command().orElse("").endsWith("nbdkit")), family::toString);
            for (ProcessHandle process : family) {
                assertClean(way, Path.of("/proc", Long.toString(process.pid()), "cmdline"));
                assertClean(way, Path.of("/proc", Long.toString(process.pid()), "environ"));
            }
            assertClean(way, Path.of("/proc", Long.toString(copy.pid()), "cmdline"));
            if (!way.ownEnvironment()) {
                assertClean(way, Path.of("/proc", Long.toString(copy.pid()), "environ"));
            }
            assertFilesClean(way, lab.state());
            assertEquals(0, lab.ask("rate", job, "0").code());
            Run run = copy.end(MigrateLab.LIMIT);
            assertEquals(0, run.code(), run::toString);
            assertTrue((run.out() + run.err()).contains("Full thread dump"), "the dump was made: " + run);
            assertFalse((run.out() + run.err()).contains(CANARY), () -> way + " " + run);
        }
        assertFilesClean(way, lab.state());
        assertTrue(Files.exists(lab.jobFolder(job).resolve("vm.json")));
        assertTrue(Files.exists(lab.jobFolder(job).resolve("journal.jsonl")));
    }

    private static void assertFilesClean(Way way, Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            files.filter(Files::isRegularFile).forEach(file -> assertClean(way, file));
        }
    }

    private static void assertClean(Way way, Path file) {
        try {
            String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            assertFalse(text.contains(CANARY), () -> way.name() + ": the password stands in " + file);
        } catch (java.nio.file.NoSuchFileException e) {
            // Written under another name and moved meanwhile, or a process that has ended.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aPasswordOnTheCommandLineIsRefusedAndNotRepeated() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            for (List<String> words :
                    List.of(List.of("--vmware-password", "s3cret-x"), List.of("--vmware-password=s3cret-x"))) {
                try (CopyProcess copy = lab.startWith("job", List.of(lab.trust(), words, lab.toTargets()))) {
                    Run run = copy.end(MigrateLab.LIMIT);
                    assertEquals(2, run.code(), run::toString);
                    assertFalse((run.out() + run.err()).contains(CANARY), run::toString);
                    assertTrue(run.err().contains("can be read by everybody"), run::toString);
                }
            }
        }
    }
}
