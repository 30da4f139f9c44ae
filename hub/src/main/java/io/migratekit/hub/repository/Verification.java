package io.migratekit.hub.repository;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.server.ServerFailed;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Are the restore points still what they were? Disk by disk, that first which was looked at longest ago; each disk's layers from
 * the bottom up ({@link LayerCheck}). What is found is kept beside each layer at once, so nothing is lost by an early end. No
 * VM is held: backups go on meanwhile, and a layer that is changed or removed under our eyes is passed over.
 */
final class Verification {
    /** What somebody else has open for a moment only is not told of as something of which nothing is known. */
    private static final Duration LOCKED_AT_MOST = Duration.ofSeconds(10);

    private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

    private final Catalog catalog;
    private final Layers layers;
    private final Proofs proofs;
    private final LayerCheck check;
    private final boolean isKept;
    private final VerifyRequest request;
    private final VerifyProgress progress;

    private int looked;
    private int passedOver;
    private long readBytes;
    private long doneBytes;
    private long totalBytes;
    private final Map<Damage, Concern> concerns = new LinkedHashMap<>();
    private final Map<String, Boolean> isGood = new HashMap<>();
    private final List<String> failures = new ArrayList<>();

    private record Concern(String vm, int disk, Set<String> points) {}

    /** The layers of one disk, each behind those that it stands on. */
    private record Chains(String vm, int disk, Collection<LayerCheck.Subject> subjects, Set<String> wanted) {}

    Verification(
            Catalog catalog,
            Layers layers,
            HashStore hashes,
            QemuImg qemu,
            Proofs proofs,
            boolean isKept,
            VerifyRequest request,
            VerifyProgress progress) {
        this.catalog = catalog;
        this.layers = layers;
        this.proofs = proofs;
        this.isKept = isKept;
        this.request = request;
        this.progress = progress;
        this.check =
                new LayerCheck(layers, hashes, qemu, proofs, new Throttle(request.bytesPerSecond()), request.isOver());
    }

    VerifyReport run() {
        Optional<String> vm =
                request.point().map(id -> catalog.require(id).vm()).or(request::vm);
        List<Backup> points = catalog.backups(vm).stream()
                .filter(one -> one.state() == Backup.State.SEALED)
                .toList();
        List<Chains> all = chains(points);
        totalBytes = all.stream()
                .flatMap(one -> one.subjects().stream().filter(subject -> isToBeLookedAt(one, subject)))
                .mapToLong(subject -> layers.bytes(subject.layer()))
                .sum();
        boolean isWhole = true;
        try {
            for (Chains one : all) {
                verify(one);
            }
        } catch (LayerCheck.Over e) {
            isWhole = false;
        }
        List<VerifyReport.Found> found = new ArrayList<>();
        concerns.forEach((damage, concern) -> found.add(new VerifyReport.Found(
                concern.vm(),
                concern.disk(),
                damage,
                List.copyOf(damage.isWhole() ? wrongIn(damage.layer()) : concern.points()))));
        return new VerifyReport(
                looked, passedOver, readBytes, found, good(points), failures, catalog.unreadable(vm), isWhole);
    }

    /** Those of which every disk was looked at, now or not long ago, and is right. */
    private List<String> good(List<Backup> points) {
        return points.stream()
                .filter(point ->
                        request.point().isEmpty() || request.point().get().equals(point.id()))
                .filter(point -> point.disks().stream().anyMatch(disk -> disk.layer() != null))
                .filter(point -> Catalog.layersOf(List.of(point)).stream()
                        .allMatch(layer -> Boolean.TRUE.equals(isGood.get(layer))))
                .map(Backup::id)
                .toList();
    }

    /** What concerns a layer as a whole is also why its cells read wrong, in whichever restore point they do. */
    private Set<String> wrongIn(String layer) {
        Set<String> all = new TreeSet<>();
        concerns.forEach((damage, concern) -> {
            if (damage.layer().equals(layer)) {
                all.addAll(concern.points());
            }
        });
        return all;
    }

    // ---- in which order

    private List<Chains> chains(List<Backup> points) {
        Map<String, Map<Integer, List<Backup>>> disks = new LinkedHashMap<>();
        for (Backup point : points) {
            for (BackupDisk disk : point.disks()) {
                if (disk.layer() != null) {
                    disks.computeIfAbsent(point.vm(), _ -> new LinkedHashMap<>())
                            .computeIfAbsent(disk.key(), _ -> new ArrayList<>())
                            .add(point);
                }
            }
        }
        List<Chains> all = new ArrayList<>();
        disks.forEach((vm, keys) -> keys.forEach((key, of) -> all.add(chains(vm, key, of))));
        all.removeIf(one -> one.wanted().isEmpty());
        all.sort(Comparator.comparing(this::oldest));
        return all;
    }

    private Chains chains(String vm, int key, List<Backup> points) {
        Map<String, LayerCheck.Subject> known = new LinkedHashMap<>();
        Map<String, Backup> owners = new HashMap<>();
        points.forEach(
                point -> owners.put(Objects.requireNonNull(point.disk(key).layer()), point));
        Set<String> wanted = new HashSet<>();
        for (Backup point : points) {
            LayerCheck.Subject top =
                    subject(Objects.requireNonNull(point.disk(key).layer()), key, owners, known, Set.of());
            if (request.point().isEmpty() || request.point().get().equals(point.id())) {
                for (LayerCheck.Subject one = top; one != null; one = one.below()) {
                    wanted.add(one.layer());
                }
            }
        }
        return new Chains(vm, key, known.values(), wanted);
    }

    /** Below comes first; where the way down cannot be read, it ends, and the look at the layer says why. */
    private LayerCheck.Subject subject(
            String layer,
            int key,
            Map<String, Backup> owners,
            Map<String, LayerCheck.Subject> known,
            Set<String> above) {
        LayerCheck.Subject there = known.get(layer);
        if (there != null) {
            return there;
        }
        Set<String> way = new HashSet<>(above);
        way.add(layer);
        LayerCheck.Subject below = null;
        String lost = null;
        try {
            Optional<String> next = layers.below(layer);
            if (next.isPresent() && way.contains(next.get())) {
                lost = "it stands on " + next.get() + ", which stands on it"; // qemu would follow that for ever.
            } else if (next.isPresent()) {
                below = subject(next.get(), key, owners, known, way);
            }
        } catch (RepositoryException.Damaged e) {
            lost = e.what();
        }
        Backup owner = owners.get(layer);
        LayerCheck.Subject made =
                new LayerCheck.Subject(layer, owner, owner == null ? null : owner.disk(key), below, lost);
        known.put(layer, made);
        return made;
    }

    private Optional<LayerProof> before(LayerCheck.Subject subject) {
        String root = subject.root();
        return root == null ? Optional.empty() : proofs.find(subject.layer(), root);
    }

    private Instant oldest(Chains chains) {
        return chains.subjects().stream()
                .filter(subject -> chains.wanted().contains(subject.layer()) && subject.root() != null)
                .map(subject -> before(subject).map(LayerProof::at).orElse(Instant.MIN))
                .min(Comparator.naturalOrder())
                .orElse(Instant.MAX);
    }

    private boolean isToBeLookedAt(Chains chains, LayerCheck.Subject subject) {
        Instant notSince = request.notSince();
        return chains.wanted().contains(subject.layer())
                && (notSince == null
                        || before(subject)
                                .map(LayerProof::at)
                                .filter(at -> !at.isBefore(notSince))
                                .isEmpty());
    }

    // ---- one disk

    private void verify(Chains chains) {
        Map<String, LayerCheck.Found> found = new HashMap<>();
        Map<String, Instant> since = new HashMap<>();
        for (LayerCheck.Subject subject : chains.subjects()) {
            LayerCheck.Subject below = subject.below();
            LayerCheck.Found under = below == null ? null : found.get(below.layer());
            boolean isBelowWrong = under != null && !under.damage().isEmpty();
            if (below != null && under == null) {
                continue; // It was not looked at, so nothing can be said of what stands on it.
            }
            if (isToBeLookedAt(chains, subject) || isBelowWrong) {
                look(subject, under).ifPresent(now -> {
                    found.put(subject.layer(), now);
                    Instant oldest = below == null ? Instant.MAX : since.getOrDefault(below.layer(), Instant.MAX);
                    since.put(subject.layer(), keep(subject, now, oldest));
                    tell(chains, subject, now.damage());
                });
            } else {
                LayerCheck.Found known = before(subject)
                        .map(Verification::known)
                        .orElse(new LayerCheck.Found(List.of(), new BitSet(), true, 0, null));
                passedOver += chains.wanted().contains(subject.layer()) ? 1 : 0;
                found.put(subject.layer(), known);
                before(subject).map(LayerProof::since).ifPresent(at -> since.put(subject.layer(), at));
                tell(chains, subject, known.damage());
            }
        }
    }

    /** What was found another time. */
    private static LayerCheck.Found known(LayerProof proof) {
        BitSet wrong = new BitSet();
        for (Damage one : proof.damage()) {
            if (!one.isWhole()) {
                wrong.set((int) (one.offset() / Grid.CELL_BYTES), (int)
                        Math.ceilDiv(one.offset() + one.length(), (long) Grid.CELL_BYTES));
            }
        }
        return new LayerCheck.Found(proof.damage(), wrong, true, 0, proof.structure());
    }

    private Optional<LayerCheck.Found> look(LayerCheck.Subject subject, LayerCheck.@Nullable Found under) {
        long bytes = layers.bytes(subject.layer());
        BackupDisk disk = subject.disk();
        double share = disk == null ? 0 : (double) bytes / disk.capacityBytes();
        long before = doneBytes;
        progress.at(subject.layer(), before, Math.max(totalBytes, before + bytes));
        Optional<LayerCheck.Found> found = Optional.empty();
        Deadline unlocked = Deadline.in(LOCKED_AT_MOST);
        boolean again;
        do {
            again = false;
            try {
                LayerCheck.Found now = check.check(
                        subject,
                        under,
                        done -> progress.at(
                                subject.layer(), before + (long) (done * share), Math.max(totalBytes, before + bytes)));
                if (isAsBefore(subject)) {
                    found = Optional.of(now);
                    looked++;
                    readBytes += now.readBytes();
                }
            } catch (NbdException | ServerFailed | RepositoryException e) {
                if (isAsBefore(subject)) {
                    again = QemuImg.isInUse(String.valueOf(e.getMessage()))
                            && (isBeingMerged(subject) || !unlocked.isOver());
                    if (!again) {
                        failures.add(subject.layer() + " could not be looked at: " + e.getMessage());
                    }
                }
            }
            if (again) {
                pause();
                progress.at(subject.layer(), before, Math.max(totalBytes, before + bytes));
            }
        } while (again);
        doneBytes = before + bytes;
        return found;
    }

    /** Then it is being written to, and will soon be another one; how long that may take is bounded there. */
    private boolean isBeingMerged(LayerCheck.Subject subject) {
        Backup point = subject.point();
        return point != null && Merging.isUnderWay(catalog, point.vm());
    }

    private void pause() {
        try {
            Thread.sleep(LOOK_AGAIN);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LayerCheck.Over();
        }
        if (request.isOver().getAsBoolean()) {
            throw new LayerCheck.Over();
        }
    }

    /** Merged, deleted or sealed anew meanwhile: then what was seen is of no layer that there is. */
    private boolean isAsBefore(LayerCheck.Subject subject) {
        Backup point = subject.point();
        try {
            return point == null || catalog.find(point.id()).equals(Optional.of(point));
        } catch (RepositoryException e) {
            return false; // Its record cannot be read now, and is told of as such.
        }
    }

    private Instant keep(LayerCheck.Subject subject, LayerCheck.Found found, Instant below) {
        Instant now = Instant.now();
        Instant since = below.isBefore(now) ? below : now;
        String root = subject.root();
        if (isKept && root != null && canBeKept(subject.layer())) {
            proofs.write(subject.layer(), new LayerProof(root, now, since, found.damage(), found.structure()));
        }
        return since;
    }

    /** Beside a layer that is no plain file nothing is written: who knows where that would be. */
    private boolean canBeKept(String layer) {
        return Files.isDirectory(layers.path(layer).resolveSibling("."), LinkOption.NOFOLLOW_LINKS);
    }

    private void tell(Chains chains, LayerCheck.Subject subject, List<Damage> damage) {
        isGood.put(subject.layer(), damage.isEmpty());
        Backup point = subject.point();
        for (Damage one : damage) {
            Concern concern =
                    concerns.computeIfAbsent(one, _ -> new Concern(chains.vm(), chains.disk(), new TreeSet<>()));
            if (point != null) {
                concern.points().add(point.id());
            }
        }
    }
}
