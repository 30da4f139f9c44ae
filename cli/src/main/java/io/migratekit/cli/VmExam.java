package io.migratekit.cli;

import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.migration.LivingBackup;
import io.migratekit.cli.Examiner.Exam;
import io.migratekit.vmware.DiskDecision;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.DiskSource;
import io.migratekit.vmware.SnapshotInfo;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmSnapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Can this VM be backed up, and its disks be read? Nothing is changed: no snapshot is taken. */
final class VmExam {
    /** So much memory for reading disks has an ESXi host before 8.0; twice that since. */
    private static final long NFC_BYTES = 48L << 20;

    private static final long ASYNC_GRAIN_BYTES = 64 << 10;
    private static final int NFC_PORT = 902;
    private static final String OWN_PORT = "nfchostport=";

    private final String path;
    private final Set<Integer> skipped;
    private final int disksAtOnce;
    private final JobStore store;
    private final String jobId;
    private volatile @Nullable Seen seen;
    private @Nullable VCenter vcenter;

    /**
     * What others may want to know of the VM.
     *
     * @param committedBytes what its files take; nothing if that is not told
     */
    record Seen(VmConfiguration vm, List<VmDisk> disks, Optional<Long> committedBytes) {}

    /** @param jobId of the job that is planned; empty if none is named */
    VmExam(String path, Set<Integer> skipped, int disksAtOnce, JobStore store, String jobId) {
        this.path = path;
        this.skipped = skipped;
        this.disksAtOnce = disksAtOnce;
        this.store = store;
        this.jobId = jobId;
    }

    Optional<Seen> seen() {
        return Optional.ofNullable(seen);
    }

    void look(Exam exam, Supplier<VCenter> session, DiskServerSpec spec, Duration limit) {
        var _ = exam.ask(DoctorCheck.VM, limit, () -> find(session.get()));
        var _ = exam.ask(DoctorCheck.PRIVILEGES, limit, () -> privileges(spec));
        var _ = exam.ask(DoctorCheck.VM_STATE, limit, this::state);
        var _ = exam.ask(DoctorCheck.DISKS, limit, () -> disks(spec));
        if (spec.source() == DiskServerSpec.Source.FOLDER) {
            var _ = exam.ask(DoctorCheck.FILES, limit, () -> files(spec));
        }
        var _ = exam.ask(DoctorCheck.TRACKING, limit, this::tracking);
        var _ = exam.ask(DoctorCheck.OUR_SNAPSHOTS, limit, this::ourSnapshots);
        var _ = exam.ask(DoctorCheck.OTHER_SNAPSHOTS, limit, this::otherSnapshots);
        var _ = exam.ask(DoctorCheck.CONSOLIDATION, limit, this::consolidation);
        if (spec.source() == DiskServerSpec.Source.VDDK) {
            host(exam, spec, limit);
            var _ = exam.ask(DoctorCheck.NFC, limit, () -> nfc(spec));
        }
    }

    private VmConfiguration vm() {
        return Objects.requireNonNull(seen).vm();
    }

    private List<VmDisk> wanted() {
        return Objects.requireNonNull(seen).disks();
    }

    private VCenter vcenter() {
        return Objects.requireNonNull(vcenter);
    }

    private Answer find(VCenter session) {
        vcenter = session;
        VmConfiguration vm = session.configuration(session.find(path));
        List<VmDisk> disks = vm.disks().stream()
                .filter(disk -> !skipped.contains(disk.key()))
                .toList();
        seen = new Seen(vm, disks, session.committedBytes(vm.vm()));
        List<Integer> keys = vm.disks().stream().map(VmDisk::key).toList();
        List<Integer> unknown =
                skipped.stream().filter(key -> !keys.contains(key)).sorted().toList();
        if (!unknown.isEmpty()) {
            return Answer.warn(vm.vm() + " has no disk " + unknown + ", which is to be left out; it has " + keys)
                    .helpedBy("correct --skip-disk; `migratekit vmware list VM` shows the keys of its disks");
        }
        return Answer.ok(vm.vm() + ", " + disks.size() + (disks.size() == 1 ? " disk" : " disks") + " of "
                + Sizes.rounded(disks.stream().mapToLong(VmDisk::capacityBytes).sum()));
    }

    private Answer privileges(DiskServerSpec spec) {
        Optional<List<String>> missing = vcenter().missingPrivileges(vm(), spec.source());
        if (missing.isEmpty()) {
            return Answer.ok("this server cannot be asked; what is missing shows when it is needed");
        }
        return missing.get().isEmpty()
                ? Answer.ok("all that a backup needs")
                : Answer.fail(
                        ExitCode.SOURCE_REFUSED,
                        vcenter().spec().username() + " lacks " + String.join(", ", missing.get()));
    }

    private Answer state() {
        String connection = vm().connectionState();
        if (!connection.isEmpty() && !connection.equals("connected")) {
            return Answer.fail(ExitCode.SOURCE_REFUSED, "the VM is " + connection + ": its host is not heard of")
                    .helpedBy("bring the ESXi host back into the vCenter, then look again");
        }
        return vm().hindrance()
                .map(words -> Answer.fail(ExitCode.SOURCE_REFUSED, words))
                .orElseGet(() -> Answer.ok(vm().powerState()));
    }

    private Answer disks(DiskServerSpec spec) {
        if (wanted().isEmpty()) {
            return Answer.fail(ExitCode.USAGE, vm().vm() + " has no disk to be copied");
        }
        List<String> refused = new ArrayList<>();
        for (VmDisk disk : wanted()) {
            if (DiskDecision.of(vcenter().instanceUuid(), vm(), disk, Optional.empty())
                    instanceof DiskDecision.Refused(String reason)) {
                refused.add(disk + " cannot be copied: " + reason);
            } else {
                DiskSource.refusal(vcenter(), vm(), disk, spec).ifPresent(refused::add);
            }
        }
        if (refused.isEmpty()) {
            return Answer.ok(wanted().stream()
                    .map(disk -> disk.key() + " of " + Sizes.rounded(disk.capacityBytes()))
                    .collect(Collectors.joining(", ")));
        }
        return Answer.fail(ExitCode.SOURCE_REFUSED, String.join("; ", refused));
    }

    private Answer files(DiskServerSpec spec) {
        for (VmDisk disk : wanted()) {
            DiskSource.openByHttps(vcenter(), vm().vm(), disk, spec);
        }
        return Answer.ok("each could be opened");
    }

    private Answer tracking() {
        if (!vm().changeTrackingEnabled()) {
            return Answer.warn("change tracking is off for " + vm().vm() + ", so that every backup copies everything");
        }
        List<String> untracked = wanted().stream()
                .filter(disk -> disk.changeId().isEmpty())
                .map(VmDisk::toString)
                .toList();
        return Answer.ok(
                untracked.isEmpty()
                        ? "on for every disk"
                        : "on; the snapshot of the next backup gives a change id to " + String.join(", ", untracked));
    }

    private Answer ourSnapshots() {
        List<String> left = new ArrayList<>();
        for (VmSnapshot snapshot : VmSnapshot.ours(vcenter(), vm().vm())) {
            if (LivingBackup.isOf(store, jobId, snapshot)) {
                continue; // It goes on in that one.
            }
            Optional<String> holder = LivingBackup.holding(store, vm().vm(), snapshot);
            if (holder.isPresent()) {
                return Answer.fail(ExitCode.LOCKED, holder.get());
            }
            left.add(snapshot.moref() + " of job " + snapshot.label().jobId());
        }
        return left.isEmpty()
                ? Answer.ok("none in the way")
                : Answer.warn("a run that is dead has left " + String.join(", ", left)
                                + ", which grows with every write")
                        .helpedBy("the next backup of the VM removes it, or: migratekit vmware snapshots --ours"
                                + " --remove-expired");
    }

    private Answer otherSnapshots() {
        List<SnapshotInfo> others = SnapshotInfo.all(vcenter(), vm().vm()).stream()
                .filter(one -> one.ours().isEmpty())
                .toList();
        return others.isEmpty()
                ? Answer.ok("none")
                : Answer.warn("the VM carries "
                        + others.stream()
                                .map(one -> "'" + one.name() + "' of " + one.created())
                                .collect(Collectors.joining(", "))
                        + ", which make reading slower, and keep change tracking from being switched on");
    }

    private Answer consolidation() {
        return vm().consolidationNeeded()
                ? Answer.warn("vSphere says that the disks of " + vm().vm() + " need consolidation")
                : Answer.ok("none needed");
    }

    private void host(Exam exam, DiskServerSpec spec, Duration limit) {
        if (seen == null) {
            exam.leaveOut(List.of(DoctorCheck.ESXI_ADDRESS, DoctorCheck.ESXI_PORT));
            return;
        }
        exam.begin(DoctorCheck.ESXI_ADDRESS, limit);
        Optional<String> name = vcenter().host(vm().vm());
        if (name.isPresent()) {
            Duration connect = vcenter().spec().limits().connect();
            Reachable host = new Reachable(name.get(), port(spec), ExitCode.SOURCE_UNREACHABLE);
            var _ = exam.ask(DoctorCheck.ESXI_ADDRESS, connect.plusSeconds(2), host::address);
            var _ = exam.ask(DoctorCheck.ESXI_PORT, connect.plusSeconds(2), () -> host.connection(connect));
        }
    }

    /** As the plugin is told, if it is told anything. */
    private static int port(DiskServerSpec spec) {
        return spec.plugin().stream()
                .filter(word -> word.matches(OWN_PORT + "[0-9]{1,5}"))
                .map(word -> Integer.parseInt(word.substring(OWN_PORT.length())))
                .findFirst()
                .orElse(NFC_PORT);
    }

    private Answer nfc(DiskServerSpec spec) {
        int atOnce = Math.min(disksAtOnce, wanted().size());
        long each = ASYNC_GRAIN_BYTES * spec.asyncBufferSizeIn64KiB() * spec.asyncBufferCount();
        String words = atOnce + " at once take " + Sizes.rounded(atOnce * each) + " of the buffers of their host, which"
                + " has " + Sizes.rounded(NFC_BYTES) + " before ESXi 8.0 and " + Sizes.rounded(2 * NFC_BYTES)
                + " since";
        return atOnce * each > NFC_BYTES
                ? Answer.warn(words + "; what does not fit fails with NFC error 5")
                : Answer.ok(words);
    }
}
