package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Does `migratekit migrate` back a VM up as its user expects, and say so? */
@Execution(ExecutionMode.CONCURRENT)
class MigrateIT {
    private static final long MIB = 1 << 20;

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @Test
    void everythingFirstThenWhatChangedAndTheSameIdAgain() throws IOException {
        System.out.println("migrate: seed " + seed);
        try (MigrateLab lab = new MigrateLab(folder, 12 * MIB, 5 * MIB + 512)) {
            lab.guestWrites(random, 10);
            JsonObject preview = preview(lab);
            assertEquals(List.of("full", "full"), modes(preview));
            assertFalse(Files.exists(lab.jobFolder("first")), "a dry run leaves nothing behind");
            assertEquals(0, lab.vcenter().tasksStarted("CreateSnapshot_Task"));

            JsonObject full = lab.backUpWell("first", "--verify");
            assertEquals(List.of("full", "full"), modes(full));
            for (JsonElement disk : full.getAsJsonArray("disks")) {
                assertTrue(disk.toString().contains("\"verified\":true"), disk::toString);
            }
            lab.assertDone("first");

            lab.newLayers();
            lab.guestWrites(random, 4);
            assertEquals(List.of("incremental", "incremental"), modes(preview(lab)));
            Run text = lab.backUp("second", "--verify");
            assertEquals(0, text.code(), text::toString);
            assertTrue(text.out().startsWith("/DC0/vm/web01: 2 disks at one moment"), text::out);
            assertTrue(text.out().contains("disk 2001 (Hard disk 2) -> nbd+unix://"), text::out);
            assertTrue(text.out().contains("  incremental, what changed since "), text::out);
            lab.assertDone("second");

            int logins = lab.vcenter().log().count("Login");
            Run again = lab.backUp("second", "--verify", "--json");
            assertEquals(0, again.code(), again::toString);
            assertTrue(again.err().contains("job second was finished before; there is nothing left to do"), again::err);
            assertEquals(
                    List.of("incremental", "incremental"),
                    modes(JsonParser.parseString(again.out()).getAsJsonObject()));
            assertEquals(logins, lab.vcenter().log().count("Login"), "it need not ask the vCenter");
            assertEquals(0, lab.ask("status", "second").code());
        }
    }

    private static JsonObject preview(MigrateLab lab) {
        Run run = lab.backUp("first-preview", "--dry-run", "--json");
        assertEquals(0, run.code(), run::toString);
        assertTrue(lab.vm().snapshots().isEmpty());
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    private static List<String> modes(JsonObject report) {
        JsonArray disks = report.getAsJsonArray("disks");
        return disks.asList().stream()
                .map(disk -> disk.getAsJsonObject().get("mode").getAsString())
                .toList();
    }

    /** Which disk goes where: by pattern, by key, or not at all. */
    @Test
    void targetsByNameByKeyAndLeftOut() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 2 * MIB, MIB, MIB)) {
            lab.guestWrites(random, 3);
            String socket = lab.target(2000).uri().text();
            // The exports of other disks are never opened: their names are only said.
            Run missing = run(lab, "a", "--nbd-target", "2000=" + socket, "--skip-disk", "2002");
            assertEquals(2, missing.code(), missing::toString);
            assertTrue(
                    missing.err()
                            .contains("there is no target for 2001 (Hard disk 2, 1 MiB). Give --nbd-target 2001=URI"),
                    missing::err);

            Run two = run(lab, "a", "--nbd-target", socket);
            assertEquals(2, two.code(), two::toString);
            assertTrue(two.err().contains("3 disks cannot be written to one export"), two::err);

            Run unknown = run(lab, "a", "--nbd-target", "2007=" + socket, "--nbd-export-name", "x-{disk}");
            assertEquals(2, unknown.code(), unknown::toString);
            assertTrue(unknown.err().contains("the VM has no disk 2007"), unknown::err);

            Run none = run(lab, "a");
            assertEquals(2, none.code(), none::toString);

            Run named = run(lab, "a", "--nbd-export-name", "web01-{disk}", "--dry-run");
            assertEquals(0, named.code(), named::toString);
            assertTrue(named.out().contains("nbd://127.0.0.1:10808/web01-2001"), named::out);

            assertEquals(0, lab.vcenter().tasksStarted("CreateSnapshot_Task"), "refused before anything was touched");
            Run one = run(lab, "a", "--nbd-target", socket, "--skip-disk", "2001", "--skip-disk", "2002");
            assertEquals(0, one.code(), one::toString);
            lab.target(2000).assertHolds(lab.vcenter().truth(lab.lastSnapshot(), 2000));
            lab.assertNoSnapshotOfOurs();
        }
    }

    @Test
    void withoutVddkWhileTheVmIsOff() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 3 * MIB, MIB + 512)) {
            lab.standIn().fault("fail-open", "nobody may come this way");
            lab.guestWrites(random, 6);
            Run running = lab.backUp("one", "--source", "folder");
            assertEquals(12, running.code(), running::toString);
            assertTrue(running.err().contains("the VM is not powered off"), running::err);
            assertTrue(lab.vm().snapshots().isEmpty());
            lab.vm().poweredOff();
            assertEquals(List.of("full", "full"), modes(lab.backUpWell("one", "--source", "folder", "--verify")));
            lab.assertDone("one");
            lab.newLayers();
            lab.guestWrites(random, 2);
            assertEquals(List.of("incremental", "incremental"), modes(lab.backUpWell("two", "--source", "folder")));
            lab.assertDone("two");
            Run unknown = lab.backUp("three", "--source", "cloud");
            assertEquals(2, unknown.code(), unknown::toString);
            assertTrue(unknown.err().contains("--source is vddk or folder, not 'cloud'"), unknown::err);
        }
    }

    @Test
    void aMissingPluginIsNamedBeforeTheVmIsFrozen() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            Run run = lab.backUp("a", "--vddk-plugin", "no-such-plugin");
            assertEquals(12, run.code(), run::toString);
            assertTrue(run.err().contains("no disk can be read here: this nbdkit lacks the plugin"), run::err);
            assertTrue(run.err().contains("--source folder"), run::err);
            assertFalse(run.err().contains("\\u000a"), run::err);
            assertEquals(0, lab.vcenter().tasksStarted("CreateSnapshot_Task"));
            Run preview = lab.backUp("a", "--vddk-plugin", "no-such-plugin", "--dry-run");
            assertEquals(0, preview.code(), preview::toString);
            assertTrue(preview.out().contains("no disk can be read here"), preview::out);
        }
    }

    @Test
    void rule24AsManyDisksAtOnceAsAHostServes() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            for (String wrong : List.of("0", "51")) {
                Run run = lab.backUp("a", "--disks-at-once", wrong);
                assertEquals(2, run.code(), run::toString);
                assertTrue(run.err().contains("--disks-at-once is 1 to 50: a host serves no more"), run::err);
            }
            assertEquals(0, lab.vcenter().log().all().size(), "refused before anybody was asked");
        }
    }

    /** V1: of yavijava only its types and stubs are used; how it talks, reads XML and trusts must never run. */
    @Test
    void v1NothingOfTheTransportOfTheStubsIsEvenLoaded() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            lab.guestWrites(random, 2);
            Path loaded = folder.resolve("loaded");
            List<String> before = List.of("env", "MIGRATEKIT_JAVA_OPTS=-Xlog:class+load:file=" + loaded);
            try (CopyProcess process =
                    lab.startWith(before, "job", List.of(lab.trust(), lab.password(), lab.toTargets()))) {
                Run run = process.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            Set<String> classes = Files.readAllLines(loaded).stream()
                    .map(line -> line.replaceFirst("^(\\[[^]]*])+ ", "").split(" ", 2)[0])
                    .collect(Collectors.toSet());
            assertTrue(classes.contains("com.vmware.vim25.VimPortType"), classes::toString);
            List<String> wrong = classes.stream()
                    .filter(name -> name.matches("com\\.vmware\\.vim25\\.(ws|mo)\\..*|org\\.(doublecloud|dom4j)\\..*"
                            + "|org\\.apache\\.(http|commons)\\..*|javax\\.xml\\.bind\\..*"))
                    .filter(name -> !name.matches("com\\.vmware\\.vim25\\.ws\\.(Client|Argument|VimStub)"))
                    .toList();
            assertEquals(List.of(), wrong);
            assertEquals(
                    List.of("org.apache.log4j.Logger"),
                    classes.stream()
                            .filter(name -> name.startsWith("org.apache."))
                            .toList());
        }
    }

    private static Run run(MigrateLab lab, String job, String... words) {
        try (CopyProcess process = lab.startWith(job, List.of(lab.trust(), lab.password()), words)) {
            return process.end(MigrateLab.LIMIT);
        }
    }

    @Test
    void aRunningBackupTellsHowItIsAndTakesAnotherRate() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 16 * MIB, 8 * MIB)) {
            lab.guestWrites(random, 120);
            try (CopyProcess copy = lab.start("slow", "--rate", "300K", "--json")) {
                Waiting.until(
                        "it copies",
                        MigrateLab.LIMIT,
                        () -> lab.ask("status", "slow", "--json").out().contains("\"copying\"") || !copy.isAlive());
                Run status = lab.ask("status", "slow", "--json");
                assertEquals(0, status.code(), status::toString);
                assertTrue(status.out().contains("\"disk\":2000"), status::out);
                Run words = lab.ask("status", "slow");
                assertTrue(words.out().contains("slow"), words::toString);
                Run why = lab.ask("why", "slow");
                assertEquals(0, why.code(), why::toString);
                assertTrue(why.out().contains("slow, disk 2000"), why::toString);

                Run busy = lab.backUp("other");
                assertEquals(62, busy.code(), busy::toString);
                assertTrue(busy.err().contains("another backup of "), busy::err);
                Run same = lab.backUp("slow");
                assertEquals(62, same.code(), same::toString);

                Run rate = lab.ask("rate", "slow", "0");
                assertEquals(0, rate.code(), rate::toString);
                Run run = copy.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            lab.assertDone("slow");
        }
    }
}
