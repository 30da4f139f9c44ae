package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Extent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Are the four forms of a map those of nbdinfo 1.14.2? All expected texts are its real output. */
class MapOutputTest {
    // nbdkit null 10000001 --filter=extentlist extentlist=FILE --run 'nbdinfo --map [--totals] [--json] $uri'
    // with FILE: "0 4K data", "4K 1M zero", "2M 3M hole", "8M 100K hole,zero", one per line.
    private static final List<Extent> ALL_TYPES =
            Extents.of(4096, 0, 1048576, 2, 1044480, 3, 3145728, 1, 3145728, 3, 102400, 3, 1508993, 3);
    // Three qcow2 layers of 10M with 1M of data each, at 0, 2M and 4M, and "write -z 6M 64k" on top;
    // qemu-nbd -r -A -B b0, nbdinfo --map=qemu:allocation-depth and --map=qemu:dirty-bitmap:b0.
    private static final List<Extent> CHAIN =
            Extents.of(1048576, 3, 1048576, 0, 1048576, 2, 1048576, 0, 1048576, 1, 1048576, 0, 65536, 1, 4128768, 0);
    private static final List<Extent> DIRTY = Extents.of(4194304, 0, 1048576, 1, 1048576, 0, 65536, 1, 4128768, 0);
    // A server that answers these flags in any context one asks for; nbdinfo --map=x-foo:bar and so on.
    private static final List<Extent> ODD_FLAGS =
            Extents.of(1000, 0, 2000, 0, 1, 1, 999, 2, 3000, 3, 1000, 7, 2000, 4294967295L);
    // 16 TiB in extents of at most 4 GiB - 512, nbdinfo --map.
    private static final List<Extent> LARGE = Extents.of(
            4294966784L, 0, 4294966784L, 0, 4294966784L, 0, 1536, 0, 4294966784L, 3, 17575006176761L, 3, 7, 2);

    @Test
    void textNamesAllTypesOfTheAllocation() {
        assertEquals("""
                         0        4096    0  data
                      4096     1048576    2  zero
                   1052672     1044480    3  hole,zero
                   2097152     3145728    1  hole
                   5242880     4757121    3  hole,zero
                """, text("base:allocation", ALL_TYPES));
    }

    @Test
    void jsonNamesAllTypesOfTheAllocation() {
        assertEquals("""
                [
                { "offset": 0, "length": 4096, "type": 0, "description": "data"},
                { "offset": 4096, "length": 1048576, "type": 2, "description": "zero"},
                { "offset": 1052672, "length": 1044480, "type": 3, "description": "hole,zero"},
                { "offset": 2097152, "length": 3145728, "type": 1, "description": "hole"},
                { "offset": 5242880, "length": 4757121, "type": 3, "description": "hole,zero"}
                ]
                """, json("base:allocation", ALL_TYPES));
    }

    @Test
    void totalsNameAllTypesOfTheAllocation() {
        assertEquals("""
                      4096   0.0%   0 data
                   3145728  31.5%   1 hole
                   1048576  10.5%   2 zero
                   5801601  58.0%   3 hole,zero
                """, totals("base:allocation", 10000001, ALL_TYPES));
        assertEquals("""
                [
                { "size": 4096, "percent": 0.04096, "type": 0, "description": "data" },
                { "size": 3145728, "percent": 31.4573, "type": 1, "description": "hole" },
                { "size": 1048576, "percent": 10.4858, "type": 2, "description": "zero" },
                { "size": 5801601, "percent": 58.016, "type": 3, "description": "hole,zero" }
                ]
                """, totalsJson("base:allocation", 10000001, ALL_TYPES));
    }

    @Test
    void allocationDepthNamesTheLayers() {
        assertEquals("""
                         0     1048576    3  backing depth 3
                   1048576     1048576    0  absent
                   2097152     1048576    2  backing depth 2
                   3145728     1048576    0  absent
                   4194304     1048576    1  local
                   5242880     1048576    0  absent
                   6291456       65536    1  local
                   6356992     4128768    0  absent
                """, text("qemu:allocation-depth", CHAIN));
        assertEquals("""
                [
                { "size": 7274496, "percent": 69.375, "type": 0, "description": "absent" },
                { "size": 1114112, "percent": 10.625, "type": 1, "description": "local" },
                { "size": 1048576, "percent": 10, "type": 2, "description": "backing depth 2" },
                { "size": 1048576, "percent": 10, "type": 3, "description": "backing depth 3" }
                ]
                """, totalsJson("qemu:allocation-depth", 10485760, CHAIN));
    }

    @Test
    void aBitmapIsCleanOrDirtyWhateverItsName() {
        assertEquals("""
                [
                { "offset": 0, "length": 4194304, "type": 0, "description": "clean"},
                { "offset": 4194304, "length": 1048576, "type": 1, "description": "dirty"},
                { "offset": 5242880, "length": 1048576, "type": 0, "description": "clean"},
                { "offset": 6291456, "length": 65536, "type": 1, "description": "dirty"},
                { "offset": 6356992, "length": 4128768, "type": 0, "description": "clean"}
                ]
                """, json("qemu:dirty-bitmap:b0", DIRTY));
        assertEquals("""
                   9371648  89.4%   0 clean
                   1114112  10.6%   1 dirty
                """, totals("qemu:dirty-bitmap:b0", 10485760, DIRTY));
    }

    @Test
    void unknownFlagsHaveNoDescription() {
        assertEquals("""
                         0        3000    0  data
                      3000           1    1  hole
                      3001         999    2  zero
                      4000        3000    3  hole,zero
                      7000        1000    7
                      8000        2000  4294967295
                """, text("base:allocation", ODD_FLAGS));
        assertEquals("""
                         0        3000    0  clean
                      3000           1    1  dirty
                      3001         999    2
                      4000        3000    3
                      7000        1000    7
                      8000        2000  4294967295
                """, text("qemu:dirty-bitmap:b", ODD_FLAGS));
    }

    @Test
    void unknownContextsHaveNoDescriptions() {
        assertEquals("""
                [
                { "offset": 0, "length": 3000, "type": 0},
                { "offset": 3000, "length": 1, "type": 1},
                { "offset": 3001, "length": 999, "type": 2},
                { "offset": 4000, "length": 3000, "type": 3},
                { "offset": 7000, "length": 1000, "type": 7},
                { "offset": 8000, "length": 2000, "type": 4294967295}
                ]
                """, json("x-foo:bar", ODD_FLAGS));
        assertEquals("""
                      3000  30.0%   0
                         1   0.0%   1
                       999  10.0%   2
                      3000  30.0%   3
                      1000  10.0%   7
                      2000  20.0% 4294967295
                """, totals("x-foo:bar", 10000, ODD_FLAGS));
        assertEquals("""
                [
                { "size": 3000, "percent": 30, "type": 0 },
                { "size": 1, "percent": 0.01, "type": 1 },
                { "size": 999, "percent": 9.99, "type": 2 },
                { "size": 3000, "percent": 30, "type": 3 },
                { "size": 1000, "percent": 10, "type": 7 },
                { "size": 2000, "percent": 20, "type": 4294967295 }
                ]
                """, totalsJson("x-foo:bar", 10000, ODD_FLAGS));
    }

    @Test
    void columnsGiveWayToLargeNumbers() {
        assertEquals("""
                         0  12884901888    0  data
                12884901888  17579301143545    3  hole,zero
                17592186045433           7    2  zero
                """, text("base:allocation", LARGE));
        assertEquals("""
                [
                { "size": 12884901888, "percent": 0.0732422, "type": 0, "description": "data" },
                { "size": 7, "percent": 3.97904e-11, "type": 2, "description": "zero" },
                { "size": 17579301143545, "percent": 99.9268, "type": 3, "description": "hole,zero" }
                ]
                """, totalsJson("base:allocation", 17592186045440L, LARGE));
    }

    // nbdkit null 0 --run 'nbdinfo --map [--totals] [--json] $uri'
    @Test
    void anEmptyDiskHasNoLines() {
        assertEquals("", text("base:allocation", List.of()));
        assertEquals("[\n\n]\n", json("base:allocation", List.of()));
        assertEquals("", totals("base:allocation", 0, List.of()));
        assertEquals("[]\n", totalsJson("base:allocation", 0, List.of()));
    }

    @Test
    void aServerCannotTakeOurMemoryWithEverNewTypes() {
        MapTotals totals = MapTotals.text(new StringBuilder(), "x-foo:bar", Long.MAX_VALUE);
        IllegalStateException failure = assertThrows(IllegalStateException.class, () -> {
            for (long i = 0; i <= MapTotals.MOST_TYPES; i++) {
                totals.extent(new Extent(i, 1, i));
            }
        });
        assertTrue(failure.toString().contains("x-foo:bar"), failure.toString());
    }

    @Test
    void aFailureToPrintIsNotSwallowed() {
        Appendable full = new Appendable() {
            @Override
            public Appendable append(CharSequence text) throws IOException {
                throw new IOException("No space left on device");
            }

            @Override
            public Appendable append(CharSequence text, int start, int end) throws IOException {
                return append(text);
            }

            @Override
            public Appendable append(char c) throws IOException {
                return append("");
            }
        };
        MapText text = new MapText(full, "base:allocation");
        assertThrows(UncheckedIOException.class, () -> text.extent(new Extent(0, 1, 0)));
    }

    private static String text(String context, List<Extent> extents) {
        StringBuilder out = new StringBuilder();
        Extents.feed(new MapText(out, context), Extents.merged(extents));
        return out.toString();
    }

    private static String json(String context, List<Extent> extents) {
        StringBuilder out = new StringBuilder();
        Extents.feed(new MapJson(out, context), Extents.merged(extents));
        return out.toString();
    }

    private static String totals(String context, long size, List<Extent> extents) {
        StringBuilder out = new StringBuilder();
        Extents.feed(MapTotals.text(out, context, size), extents);
        return out.toString();
    }

    private static String totalsJson(String context, long size, List<Extent> extents) {
        StringBuilder out = new StringBuilder();
        Extents.feed(MapTotals.json(out, context, size), extents);
        return out.toString();
    }
}
