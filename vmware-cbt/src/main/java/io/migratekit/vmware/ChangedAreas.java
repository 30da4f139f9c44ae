package io.migratekit.vmware;

import io.migratekit.nbd.ByteRange;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.Vim;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which ranges of a frozen disk changed since then, or are in use at all? Asked page by page, and checked: an
 * answer that leaves a doubt is not repaired but not taken, and the disk is read in full.
 */
public final class ChangedAreas {
    /** What is in use, in the place of a change id. */
    private static final String IN_USE = "*";

    private static final int SECTOR = 512;

    /** More ranges than this are not held apart: 32 MiB of memory for each disk at the most. */
    private static final int MOST_RANGES = 2_000_000;

    /** Pages without any progress end the talk at once, so this many are never reached by an honest server. */
    private static final long MOST_PAGES = 4_000_000;

    /** Faults that say: what changed is not known. */
    private static final Set<String> NOT_KNOWN = Set.of("FileFault", "NotSupported", "MethodNotFound", "FileNotFound");

    private final VCenter vc;
    private final VmRef vm;
    private final VmSnapshot snapshot;
    private final VmDisk disk;

    private ChangedAreas(VCenter vc, VmRef vm, VmSnapshot snapshot, VmDisk disk) {
        this.vc = vc;
        this.vm = vm;
        this.snapshot = snapshot;
        this.disk = disk;
    }

    /** How do we know? */
    public enum How {
        /** What changed since a change id. */
        SINCE,
        /** What was ever written, as far as change tracking knows. */
        IN_USE
    }

    /** What vSphere says, or why its word is not taken. */
    public sealed interface Answer {
        /**
         * These ranges, and nothing else.
         *
         * @param ranges in order, apart from each other, inside the disk; held compactly
         */
        record Changed(List<ByteRange> ranges, How how) implements Answer {}

        /** All of it has to be read; a fallback is no error, but its reason is recorded. */
        record Everything(String reason) implements Answer {}
    }

    /** What changed since {@code old}. */
    public static Answer since(VCenter vc, VmRef vm, VmSnapshot snapshot, VmDisk disk, ChangeId old) {
        if (disk.changeId().isEmpty()) {
            return new Answer.Everything(disk + " has no change id in the snapshot, so its changes are not tracked");
        }
        if (!disk.changeId().get().isSameLifeAs(old)) {
            return new Answer.Everything("change tracking of " + disk + " began anew since then");
        }
        return new ChangedAreas(vc, vm, snapshot, disk).ask(old.text(), How.SINCE);
    }

    /** What is in use ("*"), where that may be trusted. */
    public static Answer inUse(VCenter vc, VmRef vm, VmSnapshot snapshot, VmDisk disk) {
        if (disk.changeId().isEmpty()) {
            return new Answer.Everything(disk + " has no change id in the snapshot, so what is in use is not known");
        }
        String datastore = disk.file().replaceFirst("^\\[(.*?)].*$", "$1");
        String type = vc.configuration(vm).datastoreType(datastore);
        if (!type.equals("VMFS")) {
            return new Answer.Everything("what is in use is told for VMFS only, and the datastore " + datastore + " is "
                    + (type.isEmpty() ? "of a kind that is not told" : type));
        }
        Answer answer = new ChangedAreas(vc, vm, snapshot, disk).ask(IN_USE, How.IN_USE);
        if (answer instanceof Answer.Changed(List<ByteRange> ranges, How _)) {
            if (ranges.isEmpty()) {
                return new Answer.Everything("vSphere says that nothing of " + disk + " is in use, which is doubtful");
            }
            if (ranges.size() == 1 && ranges.getFirst().length() == disk.capacityBytes()) {
                return new Answer.Everything(
                        "vSphere says that all of " + disk + " is in use, which may mean that it" + " does not know");
            }
        }
        return answer;
    }

    private Answer ask(String changeId, How how) {
        CompactRanges ranges = new CompactRanges(MOST_RANGES);
        String what = "asking for the changed areas of " + disk + " of " + vm;
        long offset = 0;
        // Never asked at the very end: that is an invalid argument to vSphere.
        for (long pages = 0; offset < disk.capacityBytes(); pages++) {
            Vim.ChangePage page;
            try {
                page = vc.vim()
                        .changedAreas(
                                VCenter.reference(vm),
                                new MoRef("VirtualMachineSnapshot", snapshot.moref()),
                                disk.key(),
                                offset,
                                changeId);
            } catch (SoapException.Fault e) {
                return notTold(what, e);
            } catch (SoapException e) {
                throw vc.failures().translated(what, e);
            }
            Optional<String> doubt =
                    pages > MOST_PAGES ? Optional.of("there is no end of pages") : take(page, offset, ranges);
            if (doubt.isPresent()) {
                return new Answer.Everything("the changed areas of " + disk + " are not believed: " + doubt.get());
            }
            offset = page.offset() + page.length();
        }
        return new Answer.Changed(ranges, how);
    }

    /** Rule 12: faults that are about the question mean a full copy, all others are failures. */
    private Answer notTold(String what, SoapException.Fault fault) {
        boolean aboutChangeId = fault.name().equals("InvalidArgument")
                && fault.field("invalidProperty").orElse("").equals("changeId");
        if (NOT_KNOWN.contains(fault.name()) || aboutChangeId) {
            return new Answer.Everything("vSphere does not know what changed on " + disk + " ("
                    + (aboutChangeId ? "it does not know the change id" : fault.name()) + ": " + fault.getMessage()
                    + ")");
        }
        throw vc.failures().translated(what, fault);
    }

    /** Rules 10 and 11; nothing: the page is fine and was taken in. */
    private Optional<String> take(Vim.ChangePage page, long asked, CompactRanges ranges) {
        long capacity = disk.capacityBytes();
        long end = page.offset() + page.length();
        if (page.offset() > asked) {
            return Optional.of("an answer from " + page.offset() + " on to the question from " + asked + " on");
        }
        if (page.length() < 0 || end < page.offset() || end <= asked) {
            return Optional.of("an answer up to " + end + " to the question from " + asked + " on");
        }
        long last = Math.max(page.offset(), 0);
        for (Vim.ChangedExtent extent : page.extents()) {
            long extentEnd = extent.start() + extent.length();
            if (extent.length() <= 0 || extentEnd < extent.start() || extent.start() < last) {
                return Optional.of("areas that are empty, overlap or come in disorder, at " + extent.start());
            }
            if (extentEnd > end && end < capacity) {
                return Optional.of("an area up to " + extentEnd + " in an answer that goes to " + end);
            }
            if (extent.start() % SECTOR != 0 || (extent.length() % SECTOR != 0 && extentEnd < capacity)) {
                return Optional.of("an area that is no whole number of sectors, at " + extent.start());
            }
            last = extentEnd;
            long from = Math.max(asked, extent.start());
            long to = Math.min(capacity, extentEnd);
            if (from < to) {
                ranges.append(from, to);
            }
        }
        return Optional.empty();
    }
}
