package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * How are changed areas cut into the pages of QueryChangedDiskAreas, and which mistakes do they have?
 *
 * @param maxExtents in a page
 * @param maxLength of the part of the disk that a page speaks of
 * @param emptyFirst whether the first page has no extent where there is none at the disk's beginning
 * @param flaw a mistake in every page with an extent
 */
public record PageShape(int maxExtents, long maxLength, boolean emptyFirst, Flaw flaw) {
    public static final PageShape DEFAULT = new PageShape(2000, Long.MAX_VALUE, false, Flaw.NONE);

    /** What is wrong with the extents. */
    public enum Flaw {
        NONE,
        /** Descending, which loses nothing. */
        UNSORTED,
        /** Each one is there twice, the second time twice as long (within the page). */
        OVERLAPPING,
        /** The last one reaches beyond the disk. */
        PAST_CAPACITY,
        /** The first one begins and ends between sectors; what changed is still inside. */
        UNALIGNED,
        /** One lies before the page. */
        OUTSIDE_PAGE,
        /** The page says that it has no length. */
        NO_PROGRESS
    }

    public PageShape pages(int extents) {
        return new PageShape(extents, maxLength, emptyFirst, flaw);
    }

    public PageShape length(long bytes) {
        return new PageShape(maxExtents, bytes, emptyFirst, flaw);
    }

    public PageShape empty() {
        return new PageShape(maxExtents, maxLength, true, flaw);
    }

    public PageShape with(Flaw newFlaw) {
        return new PageShape(maxExtents, maxLength, emptyFirst, newFlaw);
    }

    /** The {@code DiskChangeInfo} for what begins at an offset. */
    Node page(Extents extents, long start, long capacity) {
        long end = maxLength >= capacity - start ? capacity : start + maxLength;
        int index = extents.firstAfter(start);
        if (emptyFirst && start == 0 && extents.count() > 0 && extents.start(0) > 0) {
            end = Math.min(end, extents.start(0));
        }
        List<long[]> found = new ArrayList<>();
        for (; index < extents.count() && extents.start(index) < end; index++) {
            if (found.size() == maxExtents) {
                end = found.getLast()[1];
                break;
            }
            found.add(new long[] {Math.max(start, extents.start(index)), Math.min(end, extents.end(index))});
        }
        spoil(found, start, end, capacity);
        long length = flaw == Flaw.NO_PROGRESS ? 0 : end - start;
        Node node = Node.object(
                "returnval", "DiskChangeInfo", Node.number("startOffset", start), Node.number("length", length));
        for (long[] extent : found) {
            node.add(Node.object(
                    "changedArea",
                    "DiskChangeExtent",
                    Node.number("start", extent[0]),
                    Node.number("length", extent[1] - extent[0])));
        }
        return node;
    }

    private void spoil(List<long[]> found, long start, long end, long capacity) {
        if (found.isEmpty()) {
            return;
        }
        switch (flaw) {
            case NONE, NO_PROGRESS -> {}
            case UNSORTED -> Collections.reverse(found);
            case OVERLAPPING -> {
                List<long[]> twice = new ArrayList<>();
                for (long[] extent : found) {
                    twice.add(extent);
                    twice.add(new long[] {extent[0], Math.min(end, 2 * extent[1] - extent[0])});
                }
                found.clear();
                found.addAll(twice);
            }
            case PAST_CAPACITY -> found.getLast()[1] = capacity + 1024 * 1024;
            case UNALIGNED -> {
                found.getFirst()[0] = Math.max(start, found.getFirst()[0] - 7);
                found.getFirst()[1] = Math.min(end, found.getFirst()[1] + 7);
            }
            case OUTSIDE_PAGE -> found.addFirst(new long[] {Math.max(0, start - 4096), start + 512});
        }
    }
}
