package io.migratekit.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.vmware.sim.Settings;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A VM, targets for its disks, and the real program that backs it up, in a process of its own. */
final class MigrateLab extends VmLab {
    static final Duration LIMIT = Duration.ofSeconds(90);

    private final Path passwordFile;
    private String endpoint;

    MigrateLab(Path folder, long... diskBytes) throws IOException {
        this(folder, Settings.DEFAULT, diskBytes);
    }

    MigrateLab(Path folder, Settings settings, long... diskBytes) throws IOException {
        super(folder, settings, diskBytes);
        endpoint = vcenter().endpoint().toString();
        passwordFile = Files.writeString(
                folder.resolve("password"), vcenter().settings().password() + "\n");
    }

    /** From now on the vCenter is called by this name. */
    void callVCenter(String host) {
        endpoint = host + ":" + vcenter().endpoint().port();
    }

    Path state() {
        return folder().resolve("state");
    }

    Path jobFolder(String job) {
        return state().resolve("jobs").resolve(job);
    }

    /** The words before those that a test is about: where the vCenter is, whom to trust, and limits that suit a test. */
    List<String> source() {
        return List.of(
                "--vmware-endpoint",
                endpoint,
                "--vmware-username",
                vcenter().settings().username(),
                "--vmware-path",
                "web01");
    }

    List<String> trust() {
        return List.of("--vmware-thumbprint", vcenter().sha256().toString());
    }

    List<String> password() {
        return List.of("--vmware-password-file", passwordFile.toString());
    }

    /** The words with which an agent serves for a hub. */
    List<String> serving(List<String> hub, String... more) {
        List<String> line = new ArrayList<>(List.of("agent", "serve"));
        line.addAll(source().subList(0, source().indexOf("--vmware-path")));
        line.addAll(trust());
        line.addAll(password());
        line.addAll(hub);
        List<String> manner = manner();
        line.addAll(manner.subList(0, manner.indexOf("--progress")));
        line.addAll(List.of(more));
        return line;
    }

    /** A target for each disk, by its key. */
    List<String> toTargets() {
        List<String> words = new ArrayList<>();
        targets().forEach((key, target) -> words.addAll(List.of("--nbd-target", key + "=" + target.uri())));
        return words;
    }

    /** Options in pairs; a test that gives one of them itself means that one. */
    private List<String> manner() {
        try {
            return List.of(
                    "--vddk-plugin",
                    String.join(" ", standIn().plugin()),
                    "--state-dir",
                    state().toString(),
                    "--connections",
                    "2",
                    "--timeout",
                    "20s",
                    "--call-timeout",
                    "30s",
                    "--retry-for",
                    "60s",
                    "--checkpoint-every",
                    "4M",
                    "--progress",
                    "none");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a backup of all disks under this name. */
    CopyProcess start(String job, String... more) {
        return startWith(job, List.of(trust(), password(), toTargets()), more);
    }

    CopyProcess startWith(String job, List<List<String>> parts, String... more) {
        return startWith(List.of(), job, parts, more);
    }

    CopyProcess startWith(List<String> before, String job, List<List<String>> parts, String... more) {
        List<String> line = new ArrayList<>(List.of("migrate", "--job-id", job));
        line.addAll(source());
        parts.forEach(line::addAll);
        List<String> manner = manner();
        for (int i = 0; i < manner.size(); i += 2) {
            if (!List.of(more).contains(manner.get(i))) {
                line.addAll(manner.subList(i, i + 2));
            }
        }
        line.addAll(List.of(more));
        return CopyProcess.start(folder(), before, line);
    }

    /** Runs a backup of all disks to its end. */
    Run backUp(String job, String... more) {
        try (CopyProcess process = start(job, more)) {
            return process.end(LIMIT);
        }
    }

    /** The same, which must end well, and gives its report. */
    JsonObject backUpWell(String job, String... more) {
        List<String> words = new ArrayList<>(List.of(more));
        words.add("--json");
        Run run = backUp(job, words.toArray(String[]::new));
        if (run.code() != 0) {
            throw new AssertionError(run.toString());
        }
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    /** Another command about a job: status, why, rate. */
    Run ask(String command, String job, String... words) {
        List<String> line = new ArrayList<>(List.of(command, "--state-dir", state().toString(), "--job-id", job));
        line.addAll(List.of(words));
        return Run.migratekit(line.toArray(String[]::new));
    }

    /** The snapshot that the job has read. */
    String snapshotOf(String job) {
        return JsonParser.parseString(read(jobFolder(job).resolve("migration.json")))
                .getAsJsonObject()
                .get("snapshot")
                .getAsString();
    }

    /** The job's targets hold the one moment that it froze, and nothing of ours is left at the VM. */
    void assertDone(String job) {
        assertNoSnapshotOfOurs();
        assertTargetsHold(snapshotOf(job));
    }

    List<SimSnapshot> ours() {
        return vm().snapshots().stream()
                .filter(snapshot -> snapshot.name().startsWith("migratekit"))
                .toList();
    }

    void assertNoSnapshotOfOurs() {
        if (!ours().isEmpty()) {
            throw new AssertionError("left at the VM: " + vm().snapshots());
        }
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
