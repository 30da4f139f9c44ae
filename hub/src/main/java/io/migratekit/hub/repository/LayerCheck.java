package io.migratekit.hub.repository;

import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.proof.CellList;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.server.ServerFailed;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Is one layer what it was when it was sealed? Its records, its structure, what it stands on, and its content: each cell that
 * it holds is read and compared, each that it does not hold has to have the hash that the layer below was found to have.
 * What was found of that one is known already, so no cell is read twice, and the lowest layer that is wrong is the one blamed.
 */
final class LayerCheck {
    private static final int TURNS = 256;

    private final Layers layers;
    private final HashStore hashes;
    private final QemuImg qemu;
    private final Proofs proofs;
    private final Throttle throttle;
    private final BooleanSupplier isOver;

    /**
     * A layer that a restore point names, or, without one, that others only stand on.
     *
     * @param below the layer it stands on, by its own header
     * @param lost why it is not known on what it stands; null if it is
     */
    record Subject(
            String layer,
            @Nullable Backup point,
            @Nullable BackupDisk disk,
            @Nullable Subject below,
            @Nullable String lost) {
        @Nullable
        String root() {
            return disk == null ? null : disk.root();
        }
    }

    /**
     * What was found.
     *
     * @param wrong the cells that read wrong, whoever is to blame
     * @param canBeRead whether what stands on it can be
     */
    record Found(
            List<Damage> damage,
            BitSet wrong,
            boolean canBeRead,
            long readBytes,
            @Nullable String structure) {}

    /** The time is over; nothing is known of the layer. */
    static final class Over extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Over() {
            super(null, null, false, false);
        }
    }

    LayerCheck(
            Layers layers, HashStore hashes, QemuImg qemu, Proofs proofs, Throttle throttle, BooleanSupplier isOver) {
        this.layers = layers;
        this.hashes = hashes;
        this.qemu = qemu;
        this.proofs = proofs;
        this.throttle = throttle;
        this.isOver = isOver;
    }

    /** @param under what was found of the layer below; null if there is none */
    Found check(Subject subject, @Nullable Found under, LongConsumer doneBytesOfDisk) {
        List<Damage> damage = new ArrayList<>();
        if (under != null && !under.canBeRead()) {
            damage.addAll(under.damage());
        }
        boolean canBeRead = damage.isEmpty();
        String structure = null;
        Path file;
        try {
            String lost = subject.lost();
            if (lost != null) {
                throw Layers.damaged(subject.layer(), lost);
            }
            file = layers.file(subject.layer());
            long diskBytes = layers.header(subject.layer()).diskBytes();
            BackupDisk disk = subject.disk();
            if (disk != null && diskBytes != disk.capacityBytes()) {
                throw Layers.damaged(
                        subject.layer(),
                        "it is one of a disk of " + diskBytes + " bytes, not of " + disk.capacityBytes());
            }
        } catch (RepositoryException.Damaged e) {
            damage.add(Damage.whole(subject.layer(), e.what()));
            return new Found(damage, new BitSet(), false, 0, null);
        }
        compareRecords(subject, damage);
        boolean isSound = true;
        if (canBeRead) {
            Optional<String> problems = qemu.problems(file);
            problems.ifPresent(text -> damage.add(
                    Damage.whole(subject.layer(), "qemu-img check: " + text.replaceAll("\\s*\\n\\s*", "; "))));
            isSound = problems.isEmpty();
            structure = structure(subject, damage);
        }
        if (!canBeRead || subject.root() == null) {
            return new Found(damage, new BitSet(), canBeRead, 0, structure);
        }
        try {
            return content(subject, file, under, damage, structure, doneBytesOfDisk);
        } catch (NbdException | ServerFailed e) {
            if (isSound) {
                throw e; // Nothing says that it is the layer's fault.
            }
            damage.add(Damage.whole(subject.layer(), "it cannot be read: " + e.getMessage()));
            return new Found(damage, new BitSet(), false, 0, structure);
        }
    }

    private void compareRecords(Subject subject, List<Damage> damage) {
        BackupDisk disk = subject.disk();
        Backup point = subject.point();
        if (disk == null || point == null) {
            return;
        }
        Parent parent = disk.parent();
        Subject below = subject.below();
        if ((parent == null) != (below == null)) {
            damage.add(Damage.whole(
                    subject.layer(),
                    below == null
                            ? "it was sealed as an increment, but stands on nothing"
                            : "it was sealed as a full one, but stands on " + below.layer()));
        } else if (parent != null && below != null) {
            String has = below.root();
            if (has != null ? !parent.root().equals(has) : !hashes.hasRoot(below.layer(), parent.root())) {
                damage.add(Damage.whole(
                        subject.layer(),
                        "it was made over the content " + parent.root() + ", but stands on " + below.layer()
                                + (has == null ? ", which has another one" : " with the content " + has)));
            }
        }
        if (layers.bytes(subject.layer()) != disk.layerBytes()) {
            damage.add(Damage.whole(
                    subject.layer(),
                    "the file has " + layers.bytes(subject.layer()) + " bytes, but had " + disk.layerBytes()
                            + " when it was sealed"));
        }
        compareManifest(subject.layer(), point, damage);
    }

    private void compareManifest(String layer, Backup point, List<Damage> damage) {
        Path file = layers.path(layer, Layers.MANIFEST);
        String wrong = null;
        try {
            Optional<Backup> manifest = Disk.read(file, Records::backup);
            if (manifest.isEmpty()) {
                wrong = "its manifest is missing";
            } else if (!manifest.get().equals(point)) {
                wrong = "its manifest does not say what the record of restore point " + point.id() + " says";
            }
        } catch (RepositoryException.Storage e) {
            wrong = "its manifest cannot be read: " + e.getMessage();
        }
        if (wrong != null) {
            damage.add(Damage.whole(layer, wrong + " (" + file.getFileName() + ")"));
        }
    }

    private @Nullable String structure(Subject subject, List<Damage> damage) {
        String now;
        try {
            now = layers.structure(subject.layer());
        } catch (RepositoryException.Damaged e) {
            return null; // The header was looked at before, and the check of qemu-img says it better.
        }
        String root = subject.root();
        String before = root == null
                ? null
                : proofs.find(subject.layer(), root).map(LayerProof::structure).orElse(null);
        if (before != null && !before.equals(now)) {
            damage.add(Damage.whole(
                    subject.layer(),
                    "bytes of the file that are no data of the disk (header, tables, unused) changed"));
            return before;
        }
        return now;
    }

    // ---- content

    private record Turn(long cell, List<HashEntry> said, boolean isRead, boolean isLost) {}

    private Found content(
            Subject subject,
            Path file,
            @Nullable Found under,
            List<Damage> damage,
            @Nullable String structure,
            LongConsumer doneBytesOfDisk) {
        BackupDisk disk = Objects.requireNonNull(subject.disk());
        CellMarks marks = new CellMarks(subject.layer(), under);
        long read = 0;
        try (CellList list = hashes.proved(subject.layer(), Objects.requireNonNull(disk.root()));
                Below below = new Below(subject.below());
                Image image = new Image(file)) {
            CellHasher hasher = new CellHasher(disk.capacityBytes());
            Deque<Turn> turns = new ArrayDeque<>();
            for (long cell = 0; cell < hasher.cells() || !turns.isEmpty(); ) {
                while (cell < hasher.cells() && turns.size() < TURNS && image.mayAsk()) {
                    Turn turn = turn(cell, list, below, image.holds(hasher.range(cell)));
                    if (turn.isRead()) {
                        image.ask(hasher.range(cell));
                    }
                    turns.add(turn);
                    cell++;
                }
                Turn turn = turns.remove();
                if (isOver.getAsBoolean()) {
                    throw new Over();
                }
                if (turn.isRead()) {
                    read += hasher.range(turn.cell()).length();
                    throttle.read(hasher.range(turn.cell()).length());
                    judge(turn, image, hasher, marks);
                } else if (turn.isLost()) {
                    marks.wrong(turn.cell());
                } else {
                    marks.asBelow(turn.cell());
                }
                doneBytesOfDisk.accept(hasher.range(turn.cell()).end());
            }
        } catch (RepositoryException.Damaged e) {
            damage.add(Damage.whole(subject.layer(), e.what()));
        } catch (UncheckedIOException e) {
            throw Disk.storage("cannot read the hashes of " + subject.layer(), e);
        }
        damage.addAll(marks.damage());
        return new Found(damage, marks.all(), true, read, structure);
    }

    private static Turn turn(long cell, CellList list, Below below, boolean isHeld) {
        List<HashEntry> said = list.of(cell);
        Optional<List<HashEntry>> under = below.of(cell);
        if (isHeld || under.isEmpty()) {
            return new Turn(cell, said, true, false);
        }
        return new Turn(cell, said, false, !said.equals(under.get()));
    }

    private static void judge(Turn turn, Image image, CellHasher hasher, CellMarks marks) {
        try {
            if (!hasher.hash(turn.cell(), image.take()).equals(turn.said())) {
                marks.wrong(turn.cell());
            }
        } catch (NbdException.RequestFailed e) {
            marks.unreadable(turn.cell(), String.valueOf(e.getMessage()));
        }
    }

    /** What is below one layer, cell by cell: zeroes below a full one, and nobody knows what where its hashes are lost. */
    private final class Below implements AutoCloseable {
        private final boolean isNothing;
        private final @Nullable CellList list;

        Below(@Nullable Subject below) {
            isNothing = below == null;
            list = below == null ? null : open(below);
        }

        private @Nullable CellList open(Subject below) {
            String root = below.root();
            if (root == null) {
                return null;
            }
            try {
                return hashes.proved(below.layer(), root);
            } catch (RepositoryException.Damaged e) {
                return null; // Told of that layer already; here all has to be read.
            }
        }

        Optional<List<HashEntry>> of(long cell) {
            return isNothing
                    ? Optional.of(List.of(new HashEntry.ZeroCells(cell, 1)))
                    : Optional.ofNullable(list).map(known -> known.of(cell));
        }

        @Override
        public void close() {
            if (list != null) {
                list.close();
            }
        }
    }
}
