package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.vmware.SnapshotInfo;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import io.migratekit.vmware.VmSummary;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which snapshots are there, and which of ours were left over? */
@Command(
        name = "snapshots",
        description = {
            "List the snapshots of a VM, or of all; remove those of ours whose time is over.",
            "",
            "Ours are known by name and description. Snapshots of others are shown and never touched."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class VmwareSnapshotsCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareVmOptions vm;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareLogin vmware;

    @Option(names = "--ours", description = "Only those that migratekit took.")
    private boolean ours;

    @Option(
            names = "--remove-expired",
            description = "Remove those that migratekit took and whose time is over, and wait for it.")
    private boolean removeExpired;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    VmwareSnapshotsCommand(Console console) {
        this.console = console;
    }

    private record Row(VmRef vm, SnapshotInfo snapshot, String action) {}

    @Override
    public Integer call() {
        List<Row> rows = new ArrayList<>();
        List<VSphereException> failures = new ArrayList<>();
        try (VCenter vc = vmware.login(console)) {
            for (VmRef one : vms(vc)) {
                for (SnapshotInfo snapshot : SnapshotInfo.all(vc, one)) {
                    if (snapshot.ours().isPresent() || !ours) {
                        rows.add(new Row(one, snapshot, treat(snapshot, failures)));
                    }
                }
            }
        }
        print(rows);
        // The first failure decides about the code; the others stood in the table.
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
        return ExitCode.DONE.code();
    }

    private List<VmRef> vms(VCenter vc) {
        return vm.find()
                .map(wanted -> List.of(vc.find(wanted)))
                .orElseGet(() -> vc.list().stream()
                        .filter(one -> one.snapshots() > 0)
                        .map(VmSummary::vm)
                        .toList());
    }

    /** What was done with it, in a word. */
    private String treat(SnapshotInfo snapshot, List<VSphereException> failures) {
        Optional<VmSnapshot> own = snapshot.ours();
        if (own.isEmpty()) {
            return "not ours";
        }
        boolean over = own.get().label().expires().isBefore(Instant.now());
        if (!over || !removeExpired) {
            return over ? "expired" : "in use";
        }
        try {
            own.get().remove();
            return "removed";
        } catch (VSphereException e) {
            failures.add(e);
            console.say(e.getMessage());
            return "not removed";
        }
    }

    private void print(List<Row> rows) {
        if (json) {
            JsonArray all = new JsonArray();
            for (Row row : rows) {
                JsonObject one = new JsonObject();
                one.addProperty("vm", row.vm().path());
                one.addProperty("vmMoref", row.vm().moref());
                one.addProperty("moref", row.snapshot().moref());
                one.addProperty("name", row.snapshot().name());
                one.addProperty("created", row.snapshot().created().toString());
                one.addProperty("ours", row.snapshot().ours().isPresent());
                one.addProperty("state", row.action());
                row.snapshot().ours().map(VmSnapshot::label).ifPresent(label -> {
                    one.addProperty("jobId", label.jobId());
                    one.addProperty("owner", label.owner());
                    one.addProperty("expires", label.expires().toString());
                });
                all.add(one);
            }
            JsonObject document = new JsonObject();
            document.add("snapshots", all);
            console.out().println(document);
        } else if (rows.isEmpty()) {
            console.say(ours ? "there is no snapshot of ours" : "there is no snapshot");
        } else {
            List<List<String>> table = new ArrayList<>();
            table.add(List.of("VM", "SNAPSHOT", "CREATED", "STATE", "OWNER", "UNTIL"));
            for (Row row : rows) {
                Optional<VmSnapshot.Label> label = row.snapshot().ours().map(VmSnapshot::label);
                table.add(List.of(
                        Printable.of(row.vm().path()),
                        Printable.of(row.snapshot().name()),
                        row.snapshot().created().toString(),
                        row.action(),
                        Printable.of(label.map(VmSnapshot.Label::owner).orElse("")),
                        label.map(l -> l.expires().toString()).orElse("")));
            }
            Columns.print(console.out(), table);
        }
    }
}
