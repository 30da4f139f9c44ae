package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** When was a layer looked at, and what was wrong? Kept beside it; who removes that loses what was found, and no more. */
final class Proofs {
    private static final System.Logger LOG = System.getLogger(Proofs.class.getName());

    private final Layers layers;

    Proofs(Layers layers) {
        this.layers = layers;
    }

    /** What is known of this layer with this content. */
    Optional<LayerProof> find(String layer, String root) {
        return kept(layer).filter(proof -> proof.root().equals(root));
    }

    /** Whatever content it speaks of. */
    private Optional<LayerProof> kept(String layer) {
        try {
            return Disk.read(layers.path(layer, Layers.PROOF), LayerProof::read);
        } catch (RepositoryException.Storage e) {
            LOG.log(WARNING, () -> "layer=" + layer + " counts as never verified: " + e.getMessage());
            return Optional.empty();
        }
    }

    void write(String layer, LayerProof proof) {
        Disk.write(layers.path(layer, Layers.PROOF), proof.toJson());
    }

    /** Remembers damage that was met by the way. */
    void met(String layer, String root, Damage damage) {
        Optional<LayerProof> before = find(layer, root);
        List<Damage> all = new ArrayList<>(before.map(LayerProof::damage).orElse(List.of()));
        if (!all.contains(damage)) {
            all.add(damage);
            write(
                    layer,
                    new LayerProof(
                            root,
                            before.map(LayerProof::at).orElse(null),
                            before.map(LayerProof::since).orElse(null),
                            all,
                            before.map(LayerProof::structure).orElse(null)));
        }
    }

    /**
     * The file of a layer is about to be changed, and not its content: until {@link #structureIsNew} nothing is known of what
     * it holds besides data. What is known of the content stays.
     */
    void structureChanges(String layer) {
        kept(layer).filter(proof -> proof.structure() != null).ifPresent(proof -> write(layer, proof.with(null)));
    }

    void structureIsNew(String layer) {
        kept(layer).ifPresent(proof -> write(layer, proof.with(layers.structure(layer))));
    }

    /** Why the content of a layer is known not to be right. */
    List<Damage> damage(String layer, String root) {
        return find(layer, root).map(LayerProof::damage).orElse(List.of());
    }

    /** Remembers damage of a layer that one of these restore points names. */
    void met(List<Backup> points, Damage damage) {
        for (Backup point : points) {
            for (BackupDisk disk : point.disks()) {
                String root = disk.root();
                if (damage.layer().equals(disk.layer()) && root != null) {
                    met(damage.layer(), root, damage);
                }
            }
        }
    }

    /** What is known to be wrong with any layer of a chain. */
    List<Damage> damage(List<Backup> points, List<String> chain) {
        List<Damage> all = new ArrayList<>();
        for (Backup point : points) {
            for (BackupDisk disk : point.disks()) {
                String layer = disk.layer();
                String root = disk.root();
                if (layer != null && root != null && chain.contains(layer)) {
                    all.addAll(damage(layer, root));
                }
            }
        }
        return all;
    }

    /** Of a restore point; of an open backup nothing is known. */
    Verdict verdict(Backup backup) {
        List<Damage> damage = new ArrayList<>();
        Instant provedAt = Instant.MAX;
        for (BackupDisk disk : backup.disks()) {
            String layer = disk.layer();
            String root = disk.root();
            if (layer != null && root != null) {
                Optional<LayerProof> proof = find(layer, root);
                proof.map(LayerProof::damage).ifPresent(damage::addAll);
                provedAt = earlier(provedAt, proof.map(LayerProof::since).orElse(null));
            }
        }
        return new Verdict(provedAt.equals(Instant.MAX) || provedAt.equals(Instant.MIN) ? null : provedAt, damage);
    }

    private static Instant earlier(Instant one, @Nullable Instant other) {
        return other == null || other.isBefore(one) ? (other == null ? Instant.MIN : other) : one;
    }
}
