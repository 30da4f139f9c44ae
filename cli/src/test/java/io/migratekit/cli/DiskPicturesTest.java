package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Extent;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Do the bar and the block picture show the disk as it is? */
class DiskPicturesTest {
    private static final String ALLOCATION = "base:allocation";
    private static final Look ASCII = new Look(80, false, false);
    private static final Look UNICODE = new Look(80, false, true);
    private static final long GIB = 1L << 30;
    private static final List<Extent> DISK =
            Extents.of(GIB, 0, GIB / 2, 3, GIB / 4, 2, GIB / 4, 0, 2 * GIB, 3, 100, 0, 4 * GIB - 100, 3);

    @Test
    void barShowsTheDiskFromStartToEnd() {
        assertEquals("""
                ▕████████····──██················▁·······························▏
                █ data: 1.3 GiB (15.6%)   ─ zero: 256 MiB (3.1%)
                · hole,zero: 6.5 GiB (81.2%)   of 8 GiB
                """, bar(new Look(66, false, true), DISK, 8 * GIB));
    }

    @Test
    void barHasAnAsciiForm() {
        assertEquals("""
                [########....==##................:...............................]
                # data: 1.3 GiB (15.6%)   = zero: 256 MiB (3.1%)
                . hole,zero: 6.5 GiB (81.2%)   of 8 GiB
                """, bar(new Look(66, false, false), DISK, 8 * GIB));
    }

    @Test
    void blocksShowOffsetsLegendAndScale() {
        StringBuilder out = new StringBuilder();
        Extents.feed(new DiskBlocks(out, UNICODE, DiskPart.whole(ALLOCATION, 8 * GIB), 16, 4), DISK);
        assertEquals("""
                    0  ████████····──██
                2 GiB  ················
                4 GiB  ░···············
                6 GiB  ················

                █ data: 1.3 GiB (15.6%)   ─ zero: 256 MiB (3.1%)   · hole,zero: 6.5 GiB (81.2%)
                of 8 GiB
                1 cell = 128 MiB   ░▒▓█ = a little ... all of the cell
                mixed cells show the kind named first
                """, out.toString());
    }

    @Test
    void rowOffsetsAreAsExactAsTheCells() {
        StringBuilder out = new StringBuilder();
        long size = 10 * GIB;
        Extents.feed(new DiskBlocks(out, ASCII, DiskPart.whole(ALLOCATION, size), 64, 16), Extents.of(size, 3));
        assertTrue(out.toString().contains("\n0.625 GiB  ...."), out.toString());
        assertTrue(out.toString().contains("\n9.375 GiB  ...."), out.toString());
    }

    @Test
    void anEmptyDiskIsCalledEmpty() {
        assertEquals("[" + " ".repeat(78) + "]\nempty: 0 bytes\n", bar(ASCII, List.of(), 0));
        assertEquals("empty: 0 bytes\n", blocks(List.of(), 0, 64, 16));
    }

    @Test
    void aDiskSmallerThanThePictureHasACellPerByte() {
        List<Extent> disk = Extents.of(1, 0, 1, 2, 2, 3, 1, 0);
        assertTrue(blocks(disk, 5, 64, 16).startsWith("0  #=..#\n\n"));
        assertTrue(blocks(disk, 5, 3, 2).startsWith("  0  #=.\n3 B  .#\n\n"), blocks(disk, 5, 3, 2));
        assertTrue(bar(new Look(22, false, false), disk, 5).startsWith("[####====........####]\n"));
    }

    @Test
    void otherContextsHaveTheirOwnMarks() {
        StringBuilder out = new StringBuilder();
        DiskPart part = DiskPart.whole("qemu:allocation-depth", 20);
        Extents.feed(new DiskBar(out, new Look(22, false, true), part), Extents.of(5, 1, 5, 2, 5, 77, 5, 0));
        assertEquals("""
                ▕█████22222XXXXX·····▏
                █ local: 5 B (25.0%)
                2 backing depth 2: 5 B (25.0%)
                X backing depth 10+: 5 B (25.0%)
                · absent: 5 B (25.0%)
                of 20 B
                """, out.toString());
    }

    @Test
    void everyByteOfDataIsVisibleAndNothingElseIsCalledData() {
        Random random = Extents.random("DiskPicturesTest");
        for (int round = 0; round < 200; round++) {
            long size = random.nextLong(Math.max(1, (64L << 40) >> random.nextInt(46))) + 1;
            int columns = random.nextInt(100) + 1;
            int rows = random.nextInt(30) + 1;
            List<Extent> extents = Extents.random(random, size, new long[] {3, 3, 2, 0});
            String cells = cellsOf(blocks(extents, size, columns, rows));
            assertEquals(Math.min(size, (long) columns * rows), cells.length());
            assertEquals(
                    dataCells(extents, size, cells.length()),
                    cells.replaceAll("[:+*#]", "d").replaceAll("[^d]", " "));
        }
    }

    /** An own, slow way to know where data is: a d for each cell with any, a blank for each without. */
    private static String dataCells(List<Extent> extents, long size, int count) {
        StringBuilder cells = new StringBuilder(" ".repeat(count));
        for (Extent extent : extents) {
            if (extent.flags() == 0) {
                int last = cellOf(extent.end() - 1, size, count);
                for (int i = cellOf(extent.offset(), size, count); i <= last; i++) {
                    cells.setCharAt(i, 'd');
                }
            }
        }
        return cells.toString();
    }

    /** The greatest i with floor(i * size / count) at or below the offset. */
    private static int cellOf(long offset, long size, int count) {
        BigInteger next = BigInteger.valueOf(offset).add(BigInteger.ONE).multiply(BigInteger.valueOf(count));
        return next.subtract(BigInteger.ONE).divide(BigInteger.valueOf(size)).intValueExact();
    }

    private static String cellsOf(String picture) {
        StringBuilder cells = new StringBuilder();
        for (String line : picture.substring(0, picture.indexOf("\n\n")).lines().toList()) {
            cells.append(line.substring(line.lastIndexOf("  ") + 2));
        }
        return cells.toString();
    }

    @Test
    void oneByteOf64TibShows() {
        long size = 64L << 40;
        String picture = blocks(Extents.of(size / 2, 3, 1, 0, size / 2 - 1, 3), size, 64, 16);
        assertTrue(picture.contains("\n32 TiB  :......"), picture);
        assertTrue(picture.contains("data: 1 B (<0.1%)"), picture);
        assertTrue(picture.contains("hole,zero: 64.0 TiB (>99.9%)"), picture);
    }

    @Test
    void coloursEndWhereTheLineEnds() {
        StringBuilder out = new StringBuilder();
        DiskPart part = DiskPart.whole(ALLOCATION, 8 * GIB);
        Extents.feed(new DiskBlocks(out, new Look(80, true, true), part, 16, 4), DISK);
        for (String line : out.toString().lines().toList()) {
            if (line.contains("\u001b")) {
                assertTrue(line.lastIndexOf("\u001b[0m") > line.lastIndexOf("\u001b[0;"), line);
            }
        }
        String plain = out.toString().replaceAll("\u001b\\[[0-9;]*m", "");
        StringBuilder uncoloured = new StringBuilder();
        Extents.feed(new DiskBlocks(uncoloured, UNICODE, part, 16, 4), DISK);
        assertEquals(uncoloured.toString(), plain);
        assertFalse(uncoloured.toString().contains("\u001b"));
    }

    @Test
    void impossibleShapesAreRefused() {
        DiskPart part = DiskPart.whole(ALLOCATION, GIB);
        for (int[] shape : new int[][] {{0, 5}, {5, 0}, {-1, -1}, {100_000, 2}, {Integer.MAX_VALUE, 2}}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new DiskBlocks(new StringBuilder(), ASCII, part, shape[0], shape[1]));
        }
    }

    @Test
    void theDefaultWidthIsRoundAndFits() {
        assertEquals(64, DiskBlocks.defaultColumns(new Look(80, false, true)));
        assertEquals(96, DiskBlocks.defaultColumns(new Look(120, false, true)));
        assertEquals(128, DiskBlocks.defaultColumns(new Look(150, false, true)));
        assertEquals(8, DiskBlocks.defaultColumns(new Look(20, false, true)));
    }

    private static String bar(Look look, List<Extent> extents, long size) {
        StringBuilder out = new StringBuilder();
        Extents.feed(new DiskBar(out, look, DiskPart.whole(ALLOCATION, size)), extents);
        return out.toString();
    }

    private static String blocks(List<Extent> extents, long size, int columns, int rows) {
        StringBuilder out = new StringBuilder();
        Extents.feed(new DiskBlocks(out, ASCII, DiskPart.whole(ALLOCATION, size), columns, rows), extents);
        return out.toString();
    }
}
