package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a job from one run to the next? */
class JobStoreTest {
    private static final JobId ID = new JobId("nightly");

    @TempDir
    private Path state;

    private JobStore store = new JobStore(Path.of(""));

    @BeforeEach
    void openTheStore() {
        store = new JobStore(state.resolve("not/there/yet"));
    }

    @Test
    void theSameIdAgainResumes() {
        try (JobRun run = open()) {
            assertEquals(1, run.attempt());
            assertEquals(Optional.empty(), run.previous());
            assertTrue(run.isResumable());
            run.append(Jobs.units(0, 100));
            run.interrupted("Ctrl-C");
        }
        assertEquals(new JobState.Interrupted("Ctrl-C"), view().state());
        try (JobRun run = open()) {
            assertEquals(2, run.attempt());
            assertEquals(Optional.of(new JobState.Interrupted("Ctrl-C")), run.previous());
            assertEquals(100, run.durableUnits());
            assertTrue(run.isDurable(99));
            assertFalse(run.isDurable(100));
            assertEquals(Jobs.units(0, 100), Jobs.payloads(run));
            run.failed(33, "the target answered with an error");
        }
        assertEquals(new JobState.Failed(33, "the target answered with an error"), view().state());
        open().close();
        assertEquals(new JobState.Interrupted("the run ended without saying how"), view().state());
        assertEquals(
                List.of("started", "interrupted", "resumed", "failed", "resumed", "interrupted"),
                store.journal(ID, 100).stream().map(JournalLine::event).toList());
    }

    @Test
    void aFinishedJobSaysSo() {
        String report = "{\"copiedBytes\":9007199254740993,\"disks\":[{\"name\":\"a\"}]}";
        try (JobRun run = open()) {
            run.append(Jobs.units(0, 10));
            run.finished(report);
            assertEquals(10, Jobs.payloads(run).size());
        }
        JobStart.AlreadyFinished again =
                assertInstanceOf(JobStart.AlreadyFinished.class, store.open(ID, Jobs.IDENTITY));
        assertEquals(report, again.state().report());
        assertEquals(again.job(), view());
        assertFalse(view().live());
        assertFalse(Files.exists(folder().resolve("progress.log")));
        assertInstanceOf(JobStart.AlreadyFinished.class, store.open(ID, Jobs.IDENTITY));
    }

    /** Ctrl-C interrupts the thread, and what then has to be written is the most important of all. */
    @Test
    void anInterruptedThreadLosesNothing() {
        Thread.currentThread().interrupt();
        try (JobRun run = open()) {
            run.append(Jobs.units(0, 10));
            run.publishLastStatus("{}");
            assertTrue(store.view(ID).orElseThrow().live());
            assertEquals(10, Jobs.payloads(run).size());
            run.interrupted("Ctrl-C");
        }
        try (JobRun run = open()) {
            assertEquals(10, run.durableUnits());
            run.finished("{}");
        }
        assertInstanceOf(JobState.Finished.class, view().state());
        assertEquals(4, store.journal(ID, 10).size());
        assertTrue(Thread.interrupted(), "the interrupt was swallowed");
    }

    @Test
    void anotherWorkUnderTheSameIdIsRefusedWithTheDifferences() {
        open().close();
        JobIdentity other = new JobIdentity(
                "nbd://a:10809/disk", "nbd://c:10809/disk", 10L << 30, "beef", 1 << 20, false, Map.of("disk", "2000"));
        String said = assertThrows(JobException.Mismatch.class, () -> store.open(ID, other))
                .getMessage();
        assertEquals(
                "job nightly is about something else: the target was nbd://b:10809/disk, now it is"
                        + " nbd://c:10809/disk; the list of ranges was fingerprint c0ffee, now it is fingerprint beef;"
                        + " the hashing was on, now it is off; the vm was web01, now it is not given; the disk was not"
                        + " given, now it is 2000. To go on with that job, repeat its command; for this one choose"
                        + " another job id.",
                said);
        try (JobRun run = open()) {
            run.finished("{}");
        }
        assertThrows(JobException.Mismatch.class, () -> store.open(ID, other));
    }

    /** Each field on its own makes another job. */
    @Test
    void everyFieldOfTheIdentityCounts() {
        open().close();
        JobIdentity same = Jobs.IDENTITY;
        List<JobIdentity> others = List.of(
                new JobIdentity("nbd://x:1/", same.target(), 10L << 30, "c0ffee", 1 << 20, true, same.more()),
                new JobIdentity(same.source(), "nbd://x:1/", 10L << 30, "c0ffee", 1 << 20, true, same.more()),
                new JobIdentity(same.source(), same.target(), 1, "c0ffee", 1 << 20, true, same.more()),
                new JobIdentity(same.source(), same.target(), 10L << 30, "", 1 << 20, true, same.more()),
                new JobIdentity(same.source(), same.target(), 10L << 30, "c0ffee", 1 << 21, true, same.more()),
                new JobIdentity(same.source(), same.target(), 10L << 30, "c0ffee", 1 << 20, false, same.more()),
                new JobIdentity(same.source(), same.target(), 10L << 30, "c0ffee", 1 << 20, true, Map.of()),
                new JobIdentity(
                        same.source(), same.target(), 10L << 30, "c0ffee", 1 << 20, true, Map.of("vm", "web02")));
        for (JobIdentity other : others) {
            assertThrows(JobException.Mismatch.class, () -> store.open(ID, other));
            assertFalse(Arrays.equals(same.digest(), other.digest()));
        }
        assertThrows(
                IllegalArgumentException.class,
                () -> new JobIdentity(same.source(), same.target(), 1, "", 1, true, Map.of("target", "hidden")));
        open().close();
    }

    @Test
    void everythingIsForTheOwnerOnly() throws IOException {
        try (JobRun run = open()) {
            run.append(Jobs.units(0, 3));
            run.publishLastStatus("{}");
            run.answerWhy("because");
            assertTrue(store.requestRate(ID, 5));
            try (Stream<Path> files = Files.walk(state)) {
                for (Path file : files.filter(file -> !file.equals(state)).toList()) {
                    assertEquals(
                            Files.isDirectory(file) ? "rwx------" : "rw-------",
                            PosixFilePermissions.toString(Files.getPosixFilePermissions(file)),
                            file.toString());
                }
            }
        }
    }

    @Test
    void whatMakesNoSenseIsNamedAndHidesNoOtherJob() throws IOException {
        open().close();
        String good = Files.readString(folder().resolve("job.json"));
        for (int length = 0; length < good.length() - 1; length++) {
            damage(good.substring(0, length), "it is not");
        }
        damage(good.replace("\"version\":1", "\"version\":2"), "its version is 2, and this program knows version 1");
        damage(good.replace("\"kind\":\"interrupted\"", "\"kind\":\"bored\""), "the state 'bored' is not known");
        damage(good.replace("\"attempts\":1", "\"attempts\":\"many\""), "'attempts' is not a whole number");
        damage(good.replace("\"unitBytes\":1048576", "\"unitBytes\":0"), "a number is out of its range");
        damage(good.replace("\"hashing\":true,", ""), "'hashing' is missing");
        damage(good + good, "it is not valid JSON");
        ((JobStart.Ready) store.open(new JobId("other"), Jobs.IDENTITY)).run().close();
        Files.createDirectory(folder().resolveSibling("-no-job"));
        Files.createDirectory(folder().resolveSibling("empty"));
        List<JobEntry> entries = store.list();
        assertEquals(
                List.of("other", "nightly"),
                entries.stream().map(entry -> entry.id().text()).toList());
        assertInstanceOf(JobEntry.Unreadable.class, entries.get(1));
    }

    @Test
    void aDamagedHeaderOfTheProgressLogIsSaidAndTheLockLetGo() throws IOException {
        try (JobRun run = open()) {
            run.append(Jobs.units(0, 3));
        }
        Path log = folder().resolve("progress.log");
        byte[] good = Files.readAllBytes(log);
        Files.writeString(log, "nonsense");
        assertThrows(JobException.Damaged.class, this::open);
        assertFalse(view().live());
        Files.write(log, good);
        try (JobRun run = open()) {
            assertEquals(3, run.durableUnits());
        }
        Files.delete(log);
        try (JobRun run = open()) {
            assertEquals(0, run.durableUnits());
        }
    }

    @Test
    void aJobWhoseDocumentIsMissingSaysSo() throws IOException {
        open().close();
        Files.delete(folder().resolve("job.json"));
        JobIdentity other = new JobIdentity("nbd://x:10809/", "nbd://b:10809/", 1, "", 1, true, Map.of());
        String said = assertThrows(JobException.Damaged.class, () -> store.open(ID, other))
                .getMessage();
        assertEquals(
                folder().resolve("progress.log") + " cannot be used: it belongs to another job, and job.json, which"
                        + " said to which, is missing. To begin the job anew, remove the folder " + folder() + ".",
                said);
        open().close();
    }

    @Test
    void aLockThatIsAFolderIsNamed() throws IOException {
        open().close();
        Path lock = folder().resolve("lock");
        Files.delete(lock);
        Files.createDirectory(lock);
        assertEquals(
                lock
                        + " cannot be used: it is a folder, and has to be a file. Remove it; the job goes on all the same.",
                assertThrows(JobException.Damaged.class, this::open).getMessage());
        Files.delete(lock);
        open().close();
    }

    /** The line of a run before is not taken for the end of this one. */
    @Test
    void aRunThatDiesAfterOneThatOnlyTheJournalSawFailIsDead() throws IOException {
        try (JobRun run = open()) {
            run.note(JobEvent.FAILED, Map.of("exitCode", 63, "message", "no room"));
            assertEquals(new JobState.Failed(63, "no room"), left().state());
        }
        try (JobRun run = open()) {
            assertInstanceOf(JobState.Running.class, view().state());
            assertTrue(left().died(), "nothing tells of an end of run " + run.attempt());
            run.note(JobEvent.FAILED, Map.of("exitCode", "x", "message", "?"));
            assertTrue(left().died(), "a line that makes no sense");
            run.note(JobEvent.INTERRUPTED, Map.of("reason", "Ctrl-C"));
            assertEquals(new JobState.Interrupted("Ctrl-C"), left().state());
        }
    }

    /** What would be left if the run were killed now: a copy of its folder, which nobody has locked. */
    private JobView left() throws IOException {
        JobId copy = new JobId("copy-" + System.nanoTime());
        Path folder = Files.createDirectory(folder().resolveSibling(copy.text()));
        for (String name : List.of("job.json", "journal.jsonl", "lock")) {
            Files.copy(folder().resolve(name), folder.resolve(name));
        }
        return store.view(copy).orElseThrow();
    }

    @Test
    void aTornEndOfTheProgressLogIsNoted() throws IOException {
        try (JobRun run = open()) {
            run.append(List.of(new DurableUnit(1, new byte[30]), new DurableUnit(2, new byte[30])));
        }
        Path log = folder().resolve("progress.log");
        byte[] bytes = Files.readAllBytes(log);
        Files.write(log, Arrays.copyOf(bytes, bytes.length - 1));
        try (JobRun run = open()) {
            assertEquals(1, run.durableUnits());
        }
        JournalLine cut = store.journal(ID, 2).getFirst();
        assertEquals("progress-cut", cut.event());
        assertEquals(Map.of("bytes", "45"), cut.details());
    }

    @Test
    void aStateDirectoryThatCannotBeIsExplained() throws IOException {
        Path file = Files.createFile(state.resolve("file"));
        JobException said = assertThrows(JobException.Storage.class, () -> new JobStore(file).open(ID, Jobs.IDENTITY));
        assertTrue(said.getMessage().startsWith("job nightly cannot be opened in " + file), said.getMessage());
        assertEquals(List.of(), new JobStore(state.resolve("nowhere")).list());
        assertEquals(Optional.empty(), new JobStore(state.resolve("nowhere")).view(ID));
    }

    @Test
    void anAnonymousRunRemembersUntilItsEnd() {
        try (AnonymousRun run = new AnonymousRun()) {
            assertFalse(run.isResumable());
            run.append(List.of(new DurableUnit(9, Jobs.utf8("nine")), new DurableUnit(4, new byte[0])));
            run.append(List.of(new DurableUnit(5, Jobs.utf8("five"))));
            assertTrue(run.isDurable(4) && run.isDurable(5) && run.isDurable(9));
            assertFalse(run.isDurable(6));
            assertEquals(3, run.durableUnits());
            assertEquals(
                    List.of(new DurableUnit(5, Jobs.utf8("five")), new DurableUnit(9, Jobs.utf8("nine"))),
                    Jobs.payloads(run));
            run.finished("{}");
        }
    }

    private void damage(String content, String expected) throws IOException {
        Files.writeString(folder().resolve("job.json"), content);
        String said = assertThrows(JobException.Damaged.class, this::open).getMessage();
        assertTrue(said.contains("job.json cannot be used: " + expected), said);
        assertThrows(JobException.Damaged.class, this::view);
    }

    private JobRun open() {
        return Jobs.open(state.resolve("not/there/yet"), ID.text());
    }

    private JobView view() {
        return store.view(ID).orElseThrow();
    }

    private Path folder() {
        return state.resolve("not/there/yet/jobs/nightly");
    }
}
