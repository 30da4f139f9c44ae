package io.migratekit.hub.repository;

import io.migratekit.nbd.proof.Grid;

/**
 * What is wrong with a layer, and where? What stands on it reads wrong there, too, unless it has data of its own.
 *
 * @param layer where the cause is
 * @param offset on the disk; -1 if it is not about a place
 * @param length 0 if it is not about a place
 * @param what completes "the layer ...: "
 */
public record Damage(String layer, long offset, long length, String what) {
    /** What was met, in other words. */
    static Damage of(RepositoryException.Damaged met, String what) {
        return met.offset() < 0
                ? whole(met.layer(), what)
                : new Damage(met.layer(), met.offset(), Grid.CELL_BYTES, what);
    }

    static Damage whole(String layer, String what) {
        return new Damage(layer, -1, 0, what);
    }

    public boolean isWhole() {
        return offset < 0;
    }

    @Override
    public String toString() {
        return layer + (isWhole() ? "" : " offset=" + offset + " length=" + length) + ": " + what;
    }
}
