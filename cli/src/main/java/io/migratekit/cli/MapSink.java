package io.migratekit.cli;

import io.migratekit.nbd.Extent;

/**
 * Where do the extents of one map go? They come one by one in ascending order, without gap or overlap, and nobody
 * keeps them: a map may have millions of extents.
 *
 * <p>When a map breaks off with an error, {@link #end} is not called, so that half a map never looks like a whole one.
 */
sealed interface MapSink permits MapText, MapJson, MapTotals, Slices, DiskBar, DiskBlocks, DiskSvg {
    void extent(Extent extent);

    /** The map is complete: prints what could not be printed before. */
    void end();
}
