package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.restore.DiskRestore;
import io.migratekit.agent.restore.ProvedContent;
import io.migratekit.agent.restore.RestoredFile;
import io.migratekit.hub.guest.GuestDisk;
import io.migratekit.hub.guest.GuestFiles;
import io.migratekit.hub.guest.Machine;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Limits;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.WaitListener;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How does a VM come back? */
@Command(
        name = "restore",
        description = {
            "Restore the disks of a restore point into files, or into exports that exist.",
            "",
            "Every byte is compared with what was sealed before it counts: a wrong one ends the restore with its place on"
                    + " the disk. A file is called .partial until all of it is there and right. Stopped by anything, the"
                    + " same command again goes on. From a hub on another host: --ssh, with --hub as seen from there."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubRestoreCommand implements Callable<Integer> {
    private static final Pattern DISK_AND_URI = Pattern.compile("([0-9]{1,9})=(.+)");

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    @Parameters(paramLabel = "ID", description = "The restore point: the job id that made it.")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Option(names = "--to", paramLabel = "DIR", description = "Make a file for each disk in this folder.")
    private @Nullable Path folder;

    @Option(
            names = "--format",
            paramLabel = "raw|qcow2",
            defaultValue = "qcow2",
            description = "What kind of files (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private String format;

    @Option(names = "--disk", paramLabel = "KEY", description = "Only this disk; may be repeated (default: all).")
    private List<Integer> only = new ArrayList<>();

    @Option(
            names = "--nbd-target",
            paramLabel = "KEY=URI",
            description = "Write this disk into an export that exists; may be repeated. Only disks that are named go.")
    private List<String> targets = new ArrayList<>();

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            description = "With --nbd-target: remember the restore under this name; the same name again goes on.")
    private @Nullable String jobId;

    @Option(
            names = "--salvage",
            description =
                    "Take what is not what was sealed, too, put zeroes for what cannot be read, and list both in the"
                            + " end (exit code 50).")
    private boolean salvage;

    @Option(
            names = "--deadline",
            paramLabel = "TIME",
            converter = Times.class,
            description = "Longest time for the whole command (default: none).")
    private @Nullable Duration deadline;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private CopyOptions engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ProgressOptions progress;

    HubRestoreCommand(Console console) {
        this.console = console;
    }

    /** Where a disk goes. */
    private sealed interface Place {
        record File(Path path) implements Place {}

        record Export(NbdUri uri) implements Place {}
    }

    @Override
    public Integer call() {
        require(
                (folder != null) != !targets.isEmpty(),
                "say where to, in one way: --to a folder, or --nbd-target KEY=URI");
        require(targets.isEmpty() || only.isEmpty(), "--nbd-target names the disks; --disk is for --to");
        require(
                folder == null || jobId == null,
                "--to remembers by itself how far it is; --job-id is for --nbd-target");
        require(
                folder == null || !Files.exists(folder) || Files.isDirectory(folder),
                "--to " + folder + " is a file, not a folder");
        require(engine.hash(), "a restore is proved by its hashes, so --no-hash does not go with it");
        return hub.ask(console, engine.retryFor(), this::restore);
    }

    private int restore(HubView view) {
        JsonObject point = view.backup(id);
        Map<Integer, JsonObject> disks = disks(point);
        Map<Integer, Place> places = places(disks);
        CopyLimits limits = engine.limits(CopyLimits.DEFAULT.requestBytes());
        if (point.has("damage")) {
            console.say("restore point " + id + " is known to be damaged, `migratekit hub show " + id + "` says where"
                    + inItsPlace(view, HubText.text(point, "vm")));
        }
        JsonArray done = new JsonArray();
        boolean isRight = true;
        try (PointReading reading = view.read(new PointReading.Wanted(id, places.keySet(), limits.connections()))) {
            for (Map.Entry<Integer, Place> place : places.entrySet()) {
                JsonObject disk = disks.get(place.getKey());
                JsonObject report = restore(reading, place.getKey(), disk, place.getValue(), limits);
                isRight &= !report.has("wrong");
                done.add(report);
            }
        }
        List<Path> beside = folder != null && only.isEmpty() ? beside(point, places, done, folder) : List.of();
        if (folder != null && isRight) {
            // Last: until then the same command goes on.
            new RestoreFolder(folder)
                    .forget(places.values().stream()
                            .filter(Place.File.class::isInstance)
                            .map(place -> ((Place.File) place).path())
                            .toList());
        }
        console.out()
                .print(hub.json() ? RestoreReport.json(point, done, beside) + "\n" : RestoreReport.text(done, beside));
        return (isRight ? ExitCode.DONE : ExitCode.VERIFICATION_MISMATCH).code();
    }

    /** The newest restore point of the VM that could be had instead. */
    private static String inItsPlace(HubView view, String vm) {
        return HubText.objects(view.list(Optional.of(vm)), "backups").stream()
                .filter(one -> HubText.text(one, "state").equals("sealed")
                        && one.get("complete").getAsBoolean()
                        && !one.has("damage"))
                .reduce((_, newer) -> newer)
                .map(one -> "; the newest of this VM of which no damage is known is " + HubText.text(one, "id"))
                .orElse("; there is no complete one of this VM of which no damage is known");
    }

    /** What the VM needs beside its disks. */
    private List<Path> beside(JsonObject point, Map<Integer, Place> places, JsonArray done, Path to) {
        List<GuestDisk> disks = new ArrayList<>();
        places.forEach((key, place) -> {
            if (place instanceof Place.File(Path file)) {
                disks.add(new GuestDisk(key, String.valueOf(file.getFileName()), format));
            }
        });
        try {
            return GuestFiles.write(Machine.of(PointJson.read(point)), RestoreReport.about(point, done), disks, to);
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.LOCAL_STATE,
                    "the disks are restored, but what belongs beside them cannot be written to " + to + ": "
                            + SafeFiles.reason(e));
        }
    }

    private Map<Integer, JsonObject> disks(JsonObject point) {
        if (!HubText.text(point, "state").equals("sealed")) {
            throw new CommandFailed(ExitCode.USAGE, "backup " + id + " is not sealed; there is nothing to restore yet");
        }
        Map<Integer, JsonObject> disks = new TreeMap<>();
        for (JsonObject disk : HubText.objects(point, "disks")) {
            if (disk.has("root")) {
                disks.put((int) HubText.number(disk, "key"), disk);
            } else if (only.isEmpty() && targets.isEmpty()) {
                console.say("disk " + HubText.text(disk, "key") + " is not part of the restore point: "
                        + HubText.text(disk, "missing"));
            }
        }
        return disks;
    }

    private Map<Integer, Place> places(Map<Integer, JsonObject> disks) {
        Map<Integer, Place> places = new TreeMap<>();
        if (folder != null) {
            QemuNbd.Format _ = wantedFormat();
            for (int key : only.isEmpty() ? disks.keySet() : only) {
                places.put(key, new Place.File(folder.resolve("disk-" + key + "." + format)));
            }
        }
        for (String target : targets) {
            Matcher named = DISK_AND_URI.matcher(target);
            if (named.matches()) {
                places.put(Integer.valueOf(named.group(1)), new Place.Export(NbdUri.parse(named.group(2))));
            } else {
                require(disks.size() == 1, "--nbd-target is KEY=URI, since the VM has the disks " + disks.keySet());
                places.put(disks.keySet().iterator().next(), new Place.Export(NbdUri.parse(target)));
            }
        }
        for (int key : places.keySet()) {
            require(disks.containsKey(key), "restore point " + id + " has no disk " + key + ", but " + disks.keySet());
        }
        require(!places.isEmpty(), "restore point " + id + " has no disks");
        Set<String> exports = new HashSet<>();
        places.forEach((key, place) -> require(
                !(place instanceof Place.Export(NbdUri uri)) || exports.add(uri.canonical()),
                "--nbd-target names one export for two disks"));
        return places;
    }

    private QemuNbd.Format wantedFormat() {
        return switch (format) {
            case "raw" -> QemuNbd.Format.RAW;
            case "qcow2" -> QemuNbd.Format.QCOW2;
            default -> throw new ParameterException(spec.commandLine(), "--format is raw or qcow2, not " + format);
        };
    }

    // ---- one disk

    private JsonObject restore(
            PointReading reading, int key, @Nullable JsonObject disk, Place place, CopyLimits limits) {
        String root = disk == null ? "" : HubText.text(disk, "root");
        Path hashes = newHashes();
        try {
            reading.hashes(key, hashes);
            ProvedContent content = ProvedContent.of(hashes, root);
            return switch (place) {
                case Place.Export(NbdUri uri) ->
                    restore(
                            reading,
                            key,
                            content,
                            uri,
                            limits,
                            state.store(),
                            Optional.ofNullable(jobId).map(name -> new JobId(name + "-" + key)));
                case Place.File(Path file) -> toFile(reading, key, content, file, limits);
            };
        } finally {
            try {
                Files.deleteIfExists(hashes);
            } catch (IOException e) {
                console.say(hashes + " is left over: " + SafeFiles.reason(e));
            }
        }
    }

    private static Path newHashes() {
        try {
            return TempFiles.file("restore", ".hashes");
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.LOCAL_STATE, "cannot make a temporary file: " + SafeFiles.reason(e));
        }
    }

    private JsonObject toFile(PointReading reading, int key, ProvedContent content, Path file, CopyLimits limits) {
        RestoreFolder place = new RestoreFolder(SafeFiles.parent(file));
        if (place.look(file, content, reading.disk(key).identity())
                instanceof RestoreFolder.Before.Finished(List<ByteRange> wrong)) {
            if (!wrong.isEmpty() && !salvage) {
                throw new CommandFailed(
                        ExitCode.VERIFICATION_MISMATCH,
                        file + " was salvaged and is not what was sealed; remove it to have it restored again");
            }
            console.say("disk " + key + " was restored before: " + file);
            return RestoreReport.diskBefore(key, file, wrong);
        }
        place.begin(file);
        JobStore store = place.store();
        JobId job = RestoreFolder.job(file);
        try (RestoredFile target =
                RestoredFile.open(file, wantedFormat(), content.diskBytes(), limits.connections() + 1)) {
            NbdUri uri =
                    NbdUri.parse(target.uri()).knownAs(file.toAbsolutePath().toString());
            JsonObject report;
            try {
                report = restore(reading, key, content, uri, limits, store, Optional.of(job));
            } catch (CopyException.NoSpace e) {
                throw new CommandFailed(
                        ExitCode.LOCAL_STATE,
                        "there is no space left for " + file
                                + ".partial; make room and run the same command again: it goes on");
            }
            target.finish();
            report.remove("target");
            report.addProperty("file", file.toString());
            return report;
        }
    }

    private JsonObject restore(
            PointReading reading,
            int key,
            ProvedContent content,
            NbdUri target,
            CopyLimits limits,
            JobStore store,
            Optional<JobId> job) {
        ConnectSpec connect = ConnectSpec.of("restore")
                // A hub's exports list extents as fast as they read.
                .withLimits(Limits.of(hub.timeout(), hub.timeout()))
                .withDeadline(deadline == null ? Deadline.NEVER : Deadline.in(deadline))
                .withListener(WaitListener.NONE);
        boolean goesOn = job.flatMap(store::view)
                .filter(view -> !(view.state() instanceof JobState.Finished))
                .isPresent();
        if (goesOn) {
            console.say("disk " + key + " goes on; in the end all of it is read again and compared, since nobody has"
                    + " looked after what was there");
        }
        CopySpec copy =
                new CopySpec(reading.disk(key), target, connect, limits, true, engine.verify() || goesOn, false);
        ShownCopy shown = new ShownCopy("restore of disk " + key, reading.way(), null);
        try (DiskRestore restore = new DiskRestore(
                copy, content, salvage, store, job, engine.watchLimits(hub.timeout()), engine.rate(), shown)) {
            DiskRestore.Restored restored = shown.run(console, progress, restore.job(), _ -> restore.run());
            return RestoreReport.disk(key, target, content, restored);
        } catch (CopyException.Unproved e) {
            throw new CommandFailed(
                    ExitCode.VERIFICATION_MISMATCH,
                    e.getMessage() + ", and --salvage takes what there is and lists what is wrong");
        } catch (CopyException.EndFailed e) {
            if (e.getCause() instanceof NbdException.RequestFailed) {
                console.say("--salvage takes what can be read, and lists what cannot");
            }
            throw e;
        }
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(spec.commandLine(), rule);
        }
    }
}
