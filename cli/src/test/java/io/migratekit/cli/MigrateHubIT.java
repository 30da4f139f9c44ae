package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.SilentServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Does `migratekit migrate --hub` make restore points that hold what was frozen, whatever dies meanwhile? */
@Execution(ExecutionMode.CONCURRENT)
class MigrateHubIT {
    private static final long MIB = 1 << 20;

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @Test
    void aFullPointAndIncrementsAndTheSameIdAgain() throws IOException {
        System.out.println("migrate hub: seed=" + seed);
        try (HubLab lab = new HubLab(folder, 12 * MIB, 5 * MIB + 512)) {
            lab.source().guestWrites(random, 10);
            Run preview = lab.backUp("preview", "--dry-run", "--json");
            assertEquals(0, preview.code(), preview::toString);
            assertTrue(preview.out().contains("\"mode\":\"full\""), preview::out);

            assertEquals(List.of("full", "full"), HubLab.modes(lab.backUpWell("first")));
            lab.assertAllPointsAreTrue();
            lab.source().guestWrites(random, 4);
            preview = lab.backUp("preview", "--dry-run", "--json");
            assertTrue(preview.out().contains("\"mode\":\"incremental\""), preview::out);
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("second", "--audit")));
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("unchanged")));
            assertEquals(List.of("full", "full"), HubLab.modes(lab.backUpWell("third", "--full", "--no-hash")));
            lab.source().guestWrites(random, 4);
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("fourth")));
            lab.assertAllPointsAreTrue();
            lab.source().assertNoSnapshotOfOurs();

            Run again = lab.backUp("second");
            assertEquals(0, again.code(), again::toString);
            assertTrue(again.err().contains("was finished before"), again::err);
        }
    }

    /** Whatever this machine remembers is lost: the hub knows from where an increment may begin. */
    @Test
    void changeIdsLiveAtTheHub() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB)) {
            lab.source().guestWrites(random, 4);
            lab.backUpWell("first");
            lab.source().guestWrites(random, 2);
            JsonObject report = lab.backUpWell(
                    "second", "--state-dir", folder.resolve("other").toString());
            assertEquals(List.of("incremental"), HubLab.modes(report));
            Run same =
                    lab.backUp("first", "--state-dir", folder.resolve("third").toString());
            assertEquals(2, same.code(), same::toString);
            assertTrue(same.err().contains("has a restore point first already"), same::err);
        }
    }

    /** The hub and its exports are as seen from the host behind SSH; a token says which VM may be written. */
    @Test
    void throughSshWithAToken() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB, MIB);
                LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectories(folder.resolve("sshd")))) {
            lab.source().guestWrites(random, 4);
            Path other = token(lab, "other", "some-other-vm");
            Path right = token(lab, "right", "*");
            List<String> road = List.of(
                    "--ssh",
                    System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                    "--ssh-key",
                    sshd.userKey().toString(),
                    "--ssh-known-hosts",
                    sshd.knownHosts().toString());
            Run none = through(lab, road, "first", List.of());
            assertEquals(41, none.code(), none::toString);
            assertTrue(none.err().contains("--hub-token-file"), none::err);
            Run wrong = through(lab, road, "first", List.of("--hub-token-file", other.toString()));
            assertEquals(41, wrong.code(), wrong::toString);
            assertTrue(lab.source().vm().snapshots().isEmpty(), "the VM was not frozen in vain");
            Run well = through(lab, road, "first", List.of("--hub-token-file", right.toString()));
            assertEquals(0, well.code(), well::toString);
            lab.remember("first");
            lab.assertAllPointsAreTrue();
        }
    }

    private static Run through(HubLab lab, List<String> road, String job, List<String> token) {
        try (CopyProcess process = lab.source()
                .startWith(
                        job,
                        List.of(
                                lab.source().trust(),
                                lab.source().password(),
                                List.of("--hub", lab.hub().url()),
                                road,
                                token))) {
            return process.end(MigrateLab.LIMIT);
        }
    }

    private Path token(HubLab lab, String name, String vm) throws IOException {
        Run run = Run.migratekit(
                "hub",
                "token",
                "add",
                name,
                "--vm",
                vm,
                "--repository",
                lab.hub().repository().toString());
        assertEquals(0, run.code(), run::toString);
        return Files.writeString(folder.resolve(name + ".token"), run.out());
    }

    /** One that cannot be reached, that is silent, and one that is no hub: each with its words, soon, and nothing frozen. */
    @Test
    void aHubThatIsNotThere() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB);
                SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            Run gone = lab.startWith(
                            "j",
                            List.of(lab.trust(), lab.password(), List.of("--hub", "http://127.0.0.1:1")),
                            "--retry-for",
                            "1s")
                    .end(MigrateLab.LIMIT);
            assertEquals(42, gone.code(), gone::toString);
            assertTrue(gone.err().contains("the hub at http://127.0.0.1:1 cannot be reached"), gone::err);
            Run mute = lab.startWith(
                            "j",
                            List.of(lab.trust(), lab.password(), List.of("--hub", "http://127.0.0.1:" + silent.port())),
                            "--timeout",
                            "2s",
                            "--retry-for",
                            "1s")
                    .end(Duration.ofSeconds(30));
            assertEquals(42, mute.code(), "what was corrected before it froze anything is no other job: " + mute);
            assertTrue(mute.err().contains("said nothing for 2 s"), mute::err);
            assertTrue(lab.vm().snapshots().isEmpty());
        }
    }

    /** The configuration may name the hub, for all who ask it; a folder can be looked at without one. */
    @Test
    void theHubOfTheConfigurationAndTheFolderItself() throws IOException {
        try (HubLab lab = new HubLab(folder, MIB)) {
            Path config = Files.writeString(
                    folder.resolve("migratekit.toml"),
                    "[hub]\nurl = \"" + lab.hub().url() + "\"\ntoken-file = \"all.token\"\n");
            token(lab, "all", "*");
            try (CopyProcess process = lab.source()
                    .startWith(
                            "first",
                            List.of(lab.source().trust(), lab.source().password()),
                            "--config",
                            config.toString())) {
                Run run = process.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            Run vms = Run.migratekit("hub", "vms", "--config", config.toString());
            assertTrue(vms.out().contains("web01"), vms::toString);
            Run chain = Run.migratekit("hub", "chain", "web01", "--config", config.toString());
            assertTrue(chain.out().contains("= 0001.qcow2"), chain::toString);
            String repository = lab.hub().repository().toString();
            Run list = Run.migratekit("hub", "list", "--vm", "web01", "--repository", repository);
            assertTrue(list.out().matches("(?s).*first +web01 .* complete +full +1 .*"), list::toString);
            Run show = Run.migratekit("hub", "show", "first", "--repository", repository);
            assertTrue(show.out().contains("hashed by"), show::toString);
            Run delete = Run.migratekit("hub", "delete", "first", "--repository", repository);
            assertEquals(62, delete.code(), delete::toString);
            String vm = lab.ask("show", "first").get("vm").getAsString();
            Path record = lab.hub().repository().resolve("vms/" + vm + "/points/first.json");
            Files.writeString(record, "{");
            for (List<String> where :
                    List.of(List.of("--config", config.toString()), List.of("--repository", repository))) {
                List<String> words = new ArrayList<>(List.of("hub", "list"));
                words.addAll(where);
                Run damaged = Run.migratekit(words.toArray(String[]::new));
                assertEquals(0, damaged.code(), damaged::toString);
                assertTrue(damaged.err().contains("a record cannot be read"), damaged::toString);
                assertTrue(damaged.err().contains("first.json"), damaged::toString);
            }
            Run none = Run.migratekit("hub", "list", "--repository", folder.toString());
            assertEquals(2, none.code(), none::toString);
            assertTrue(none.err().contains("is not a repository"), none::toString);
        }
    }

    /** One disk's export freezes: the others are whole, and the point says what it lacks. */
    @Test
    void aPointThatLacksADiskSaysSo() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB, 8 * MIB)) {
            lab.source().guestWrites(random, 40);
            try (CopyProcess process = lab.start(
                    "first",
                    "--seal-incomplete",
                    "--rate",
                    "1M",
                    "--timeout",
                    "8s",
                    "--retry-for",
                    "5s",
                    "--stall-after",
                    "3s")) {
                process.awaitSaid("disk 2001 (", MigrateLab.LIMIT);
                lab.hub().process().signal(lab.hub().export(2001), "STOP");
                Run run = process.end(MigrateLab.LIMIT);
                assertTrue(run.code() > 0, run::toString);
                assertTrue(run.err().contains("disk 2001 failed"), run::toString);
                assertTrue(run.err().contains("sealed restore point first as INCOMPLETE"), run::toString);
            }
            JsonObject point = lab.ask("show", "first");
            assertFalse(point.get("complete").getAsBoolean(), point::toString);
            JsonObject first = point.getAsJsonArray("disks").get(0).getAsJsonObject();
            lab.assertLayerHolds(first, lab.source().lastSnapshot());
            assertTrue(point.getAsJsonArray("disks").get(1).getAsJsonObject().has("missing"), point::toString);
            Run list = Run.migratekit(lab.hubWords("list"));
            assertTrue(list.out().contains("INCOMPLETE"), list::toString);
            lab.source().assertNoSnapshotOfOurs();
            lab.source().guestWrites(random, 4);
            lab.omit("first");
            assertEquals(List.of("incremental", "full"), HubLab.modes(lab.backUpWell("second")));
            lab.assertAllPointsAreTrue();
        }
    }

    /** The hub has sealed it, and we were killed before we knew. */
    @Test
    void aSealThatNobodyHeardOfIsNoSecondBackup() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB)) {
            lab.source().guestWrites(random, 4);
            try (CopyProcess process = lab.start("first")) {
                process.awaitSaid("proved and sealed", MigrateLab.LIMIT);
                process.kill();
            }
            lab.remember("first");
            lab.source().guestWrites(random, 4);
            int taken = lab.source().vcenter().tasksStarted("CreateSnapshot_Task");
            lab.backUpWell("first");
            assertEquals(taken, lab.source().vcenter().tasksStarted("CreateSnapshot_Task"));
            lab.assertAllPointsAreTrue();
        }
    }

    /** Whoever ends before there is a restore point, by a failure or as asked, is in nobody's way. */
    @Test
    void aBackupThatHasFailedMakesWay() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB)) {
            lab.source().guestWrites(random, 4);
            lab.source().standIn().fault("fail-open", "nbdkit: error: VixDiskLib_Open: The licence does not allow it");
            assertEquals(12, lab.backUp("failed", "--retry-for", "1s").code());
            lab.source().standIn().heal("fail-open");
            String shown = Run.migratekit(lab.hubWords("show", "failed")).out();
            assertTrue(shown.contains("dormant"), shown);
            try (CopyProcess process = lab.start("stopped", "--rate", "1M")) {
                process.awaitSaid("disk 2000 (", MigrateLab.LIMIT);
                process.signal("INT");
                Run run = process.end(MigrateLab.LIMIT);
                assertEquals(130, run.code(), run::toString);
            }
            lab.backUpWell("third");
            lab.assertAllPointsAreTrue();
        }
    }

    /** A disk that was all there when the backup was stopped is not copied a second time, but for what changed since. */
    @Test
    void aDiskThatWasDoneStaysDoneUnderANewSnapshot() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB, 8 * MIB)) {
            lab.source().guestWrites(random, 40);
            stopWhenTheFirstDiskIsDone(lab, "first");
            JsonObject done = HubLab.disks(lab.backUpWell("first")).getFirst();
            assertEquals(0, done.getAsJsonObject("copy").get("copied").getAsLong(), done::toString);
            assertTrue(
                    done.get("reason")
                            .getAsString()
                            .endsWith(
                                    "; under a new snapshot, with what changed since (3 MiB done before and unchanged)"),
                    done::toString);
            Path copies = lab.source().state().resolve("jobs/first/jobs");
            assertTrue(Files.exists(copies.resolve("2000.2/hashes")));
            assertFalse(Files.exists(copies.resolve("2000.1/progress.log")));
            assertFalse(Files.exists(copies.resolve("2000.2/progress.log")));

            lab.source().guestWrites(random, 40);
            stopWhenTheFirstDiskIsDone(lab, "second");
            lab.source().guestWrites(random, 2);
            lab.backUpWell("second");
            lab.assertAllPointsAreTrue();
        }
    }

    private static void stopWhenTheFirstDiskIsDone(HubLab lab, String job) {
        try (CopyProcess process = lab.start(job, "--rate", "1M")) {
            process.awaitSaid("disk 2000: all of it is durable", MigrateLab.LIMIT);
            process.signal("INT");
            Run run = process.end(MigrateLab.LIMIT);
            assertEquals(130, run.code(), run::toString);
        }
    }

    /** Two agents were given the same id; the one that has to leave does not take the exports from under the other. */
    @Test
    void whoSharesAnIdDoesNotLetGoForTheOther() throws IOException {
        try (HubLab lab = new HubLab(folder, 6 * MIB)) {
            lab.source().guestWrites(random, 40);
            String other = folder.resolve("other").toString();
            try (CopyProcess first = lab.start("shared", "--rate", "200K")) {
                first.awaitSaid("disk 2000 (", MigrateLab.LIMIT);
                long export = lab.hub().export(2000);
                Run second = lab.backUp("shared", "--state-dir", other);
                assertEquals(62, second.code(), second::toString);
                assertEquals(export, lab.hub().export(2000), "the layer is served as before");
                assertEquals(0, lab.source().ask("rate", "shared", "200M").code());
                Run run = first.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
        }
    }

    /** Two backups of one VM, and what becomes of the first when it is given up. */
    @Test
    void oneBackupOfAVmAtATime() throws IOException {
        try (HubLab lab = new HubLab(folder, 6 * MIB)) {
            lab.source().guestWrites(random, 40);
            try (CopyProcess process = lab.start("first", "--rate", "1M")) {
                process.awaitSaid("disk 2000 (", MigrateLab.LIMIT);
                process.kill();
            }
            Run second =
                    lab.backUp("second", "--state-dir", folder.resolve("other").toString());
            assertEquals(62, second.code(), second::toString);
            assertTrue(second.err().contains("backup first of this VM is being written"), second::err);
            Run shown = Run.migratekit(lab.hubWords("show", "first"));
            assertTrue(shown.out().contains("export"), shown::toString);
            assertTrue(shown.out().contains("slots held"), shown::toString);
            assertFalse(shown.out().contains("stored        0 B"), shown::toString);
            assertEquals(0, Run.migratekit(lab.hubWords("abandon", "first")).code());
            lab.backUpWell("second");
            lab.assertAllPointsAreTrue();
        }
    }
}
