package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.copy.SourceProof;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.restore.PointCopy;
import io.migratekit.agent.restore.ProvedContent;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Limits;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.WaitListener;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How do restore points get to a second hub? */
@Command(
        name = "copy",
        description = {
            "Copy restore points to another hub, oldest first: all of them, those of a VM, or those that are named.",
            "",
            "Only what the other hub lacks is sent, by comparing lists of hashes; every byte is compared with what was"
                    + " sealed when it leaves, and proved again where it arrives. Points that are there already are"
                    + " passed over, so the same command again brings what is new, or goes on where it was stopped."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubCopyCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(paramLabel = "ID", arity = "0..*", description = "Only these restore points.")
    private List<String> ids = new ArrayList<>();

    @Option(names = "--vm", paramLabel = "VM", description = "Only those of this VM, by its id or name.")
    private @Nullable String vm;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private OtherHubOptions other;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private CopyOptions engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ProgressOptions progress;

    HubCopyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (vm != null && !ids.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "name restore points or a VM, not both");
        }
        if (!engine.hash()) {
            throw new ParameterException(
                    spec.commandLine(), "a copy is proved by its hashes, so --no-hash does not go with it");
        }
        return hub.ask(console, engine.retryFor(), this::copy);
    }

    private int copy(HubView from) {
        CopyLimits limits = engine.limits(CopyLimits.DEFAULT.requestBytes());
        JsonArray done = new JsonArray();
        boolean isAll = true;
        try (Way way = other.open(console, hub.timeout(), engine.retryFor());
                HubClient to = other.client(way, hub.timeout(), engine.retryFor(), new HubWords(console))) {
            String repository = HubText.text(to.health(), "repository");
            for (String id : points(from)) {
                JsonObject report = new JsonObject();
                report.addProperty("id", id);
                done.add(report);
                JsonObject point = from.backup(id);
                if (point.has("damage")) {
                    console.say("restore point " + id + " is damaged and is not copied; `migratekit hub verify " + id
                            + "` says where");
                    report.addProperty("outcome", "damaged");
                    isAll = false;
                    continue;
                }
                try {
                    copy(from, point, to, way, engine.filling(limits, way), repository, report);
                } catch (CopyException.Unproved e) {
                    // What was begun there is in nobody's way, and the other points may be right.
                    to.abandon(id);
                    console.say("restore point " + id + " is damaged and is not copied: " + e.getMessage());
                    report.addProperty("outcome", "damaged");
                }
                isAll &= !HubText.text(report, "outcome").startsWith("damaged");
                if (!hub.json()) {
                    console.out().println(text(report));
                }
            }
        }
        if (hub.json()) {
            JsonObject all = new JsonObject();
            all.add("points", done);
            console.out().println(all);
        }
        return (isAll ? ExitCode.DONE : ExitCode.CHAIN_BROKEN).code();
    }

    private static String text(JsonObject report) {
        String id = HubText.text(report, "id");
        return switch (HubText.text(report, "outcome")) {
            case "copied" -> id + ": copied, " + Sizes.rounded(HubText.number(report, "sentBytes")) + " sent";
            case "there" -> id + ": is there";
            case "damaged there" ->
                id + ": is there, and DAMAGED there; `migratekit hub delete " + id
                        + "` at that hub, and the next copy brings it again";
            default -> id + ": DAMAGED here, not copied";
        };
    }

    /** Those that are wanted, oldest first, so that each can stand on the one before. */
    private List<String> points(HubView from) {
        List<JsonObject> all = HubText.objects(
                from.list(Optional.ofNullable(vm).map(wanted -> HubViewOptions.vm(from, wanted))), "backups");
        List<String> sealed = all.stream()
                .filter(backup -> HubText.text(backup, "state").equals("sealed"))
                .map(backup -> HubText.text(backup, "id"))
                .toList();
        for (String id : ids) {
            if (!sealed.contains(id)) {
                throw new CommandFailed(ExitCode.USAGE, "there is no restore point " + id + " to copy");
            }
        }
        return sealed.stream().filter(id -> ids.isEmpty() || ids.contains(id)).toList();
    }

    private void copy(
            HubView from,
            JsonObject point,
            HubClient to,
            @Nullable Way way,
            CopyLimits limits,
            String repository,
            JsonObject report) {
        String id = HubText.text(point, "id");
        List<Integer> keys = HubText.sealedDisks(point);
        Path folder = temporary();
        JobStore store = state.store();
        try (PointReading source = view(from, id, keys, limits)) {
            List<JobId> jobs = new ArrayList<>();
            try (PointCopy copy = new PointCopy(point, to, new PointCopy.Listener() {
                @Override
                public PointCopy.Sent copy(
                        int key, NbdUri into, ProvedContent content, Ranges ranges, String layer, Path hashes) {
                    JobId job = new JobId("copy-" + id + "-" + key + "-" + repository.substring(0, 8));
                    jobs.add(job);
                    NbdUri known = into.knownAs("hub " + repository + " " + layer);
                    return disk(
                            new CopySpec(source.disk(key), known, connect(), limits, true, engine.verify(), false)
                                    .withProof(new SourceProof(content.hashes(), false)),
                            ranges,
                            new CopyJob.Named(Optional.of(job), store),
                            new ShownCopy("hub copy", source.way(), way),
                            hashes);
                }

                @Override
                public void told(String sentence) {
                    console.say(sentence);
                }
            })) {
                PointCopy.Outcome outcome = copy.run(source, limits.connections(), uri -> Way.lead(way, uri), folder);
                switch (outcome) {
                    case PointCopy.Outcome.There _ -> report.addProperty("outcome", "there");
                    case PointCopy.Outcome.DamagedThere _ -> report.addProperty("outcome", "damaged there");
                    case PointCopy.Outcome.Copied(long sentBytes) -> {
                        report.addProperty("outcome", "copied");
                        report.addProperty("sentBytes", sentBytes);
                    }
                }
            } catch (CopyException.Unproved e) {
                jobs.forEach(store::remove); // What was sent is given up, and so is how far that was.
                throw e;
            }
            jobs.forEach(store::remove);
        } finally {
            new StateFolder(folder).deleteAll();
        }
    }

    private static PointReading view(HubView from, String id, List<Integer> keys, CopyLimits limits) {
        return from.read(new PointReading.Wanted(id, keys, limits.connections()));
    }

    private static Path temporary() {
        try {
            return TempFiles.folder("copy");
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.LOCAL_STATE, "cannot make a temporary folder: " + SafeFiles.reason(e));
        }
    }

    private ConnectSpec connect() {
        return ConnectSpec.of("copy")
                // A hub's exports list extents as fast as they read.
                .withLimits(Limits.of(hub.timeout(), hub.timeout()))
                .withListener(WaitListener.NONE);
    }

    private PointCopy.Sent disk(CopySpec copy, Ranges ranges, CopyJob.Named named, ShownCopy shown, Path hashes) {
        try (CopyJob job =
                new CopyJob(named, copy, engine.watchLimits(hub.timeout()), engine.rate(), _ -> ranges, shown)) {
            PointCopy.Sent sent = shown.run(console, progress, job, _ -> sent(job.run()));
            Path list = named.store().folderOf(named.id().orElseThrow()).path().resolve("hashes");
            Files.copy(list, hashes, StandardCopyOption.REPLACE_EXISTING);
            return sent;
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.LOCAL_STATE, "cannot keep the hashes of what was copied: " + SafeFiles.reason(e));
        }
    }

    private static PointCopy.Sent sent(CopyJob.Outcome outcome) {
        return switch (outcome) {
            case CopyJob.Outcome.Done done ->
                new PointCopy.Sent(
                        done.report().hashRoot().orElseThrow(),
                        done.report().counts().copied());
            // It was copied, and stopped before it was sealed.
            case CopyJob.Outcome.DoneBefore before -> {
                JsonObject report = JsonParser.parseString(before.report()).getAsJsonObject();
                yield new PointCopy.Sent(HubText.text(report, "hash"), HubText.number(report, "copied"));
            }
        };
    }
}
