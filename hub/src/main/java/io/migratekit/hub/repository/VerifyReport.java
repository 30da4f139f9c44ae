package io.migratekit.hub.repository;

import java.util.List;

/**
 * What came of a verification?
 *
 * @param layers so many were looked at
 * @param passedOver so many were not, since they had been not long ago
 * @param readBytes what was read and compared
 * @param found what is damaged
 * @param good the restore points that were looked at and are what they were
 * @param failures what could not be looked at, and why; nothing is known of it
 * @param unreadable records that hide what they are about
 * @param isWhole false if it was ended before it had looked at everything
 */
public record VerifyReport(
        int layers,
        int passedOver,
        long readBytes,
        List<Found> found,
        List<String> good,
        List<String> failures,
        List<Unreadable> unreadable,
        boolean isWhole) {
    /**
     * Damage, and whom it concerns.
     *
     * @param points the restore points whose content is not what it was because of it
     */
    public record Found(String vm, int disk, Damage damage, List<String> points) {
        public Found {
            points = List.copyOf(points);
        }
    }

    public VerifyReport {
        found = List.copyOf(found);
        good = List.copyOf(good);
        failures = List.copyOf(failures);
        unreadable = List.copyOf(unreadable);
    }

    public boolean isClean() {
        return found.isEmpty() && unreadable.isEmpty();
    }
}
