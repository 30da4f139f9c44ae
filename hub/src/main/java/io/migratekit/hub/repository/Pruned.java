package io.migratekit.hub.repository;

import java.time.ZoneId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of a VM's restore points under a policy, or would become of them?
 *
 * @param zone in which days begin
 * @param isApplied whether points were removed, or only looked at
 * @param passedOver why nothing is done with this VM, or not all
 * @param mostBytes removing what is to be removed frees so much at the most
 */
public record Pruned(
        String vm,
        RetentionPolicy policy,
        ZoneId zone,
        boolean isApplied,
        @Nullable String passedOver,
        List<Point> points,
        long mostBytes) {
    /** What became of one? */
    public enum Outcome {
        /** It stays. */
        KEPT,
        /** It is to be removed, and was not yet. */
        UNWANTED,
        REMOVED,
        /** It should have been removed. */
        FAILED
    }

    /**
     * One restore point.
     *
     * @param why it stays; nothing, if it does not
     * @param freedBytes by which all layers of the VM are smaller now
     * @param problem what failed, and how
     */
    public record Point(
            Backup backup,
            Outcome outcome,
            List<String> why,
            long freedBytes,
            @Nullable RepositoryException problem) {
        public Point {
            why = List.copyOf(why);
        }
    }

    public Pruned {
        points = List.copyOf(points);
    }

    public long count(Outcome outcome) {
        return points.stream().filter(one -> one.outcome() == outcome).count();
    }

    public long freedBytes() {
        return points.stream().mapToLong(Point::freedBytes).sum();
    }
}
