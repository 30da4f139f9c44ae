package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Are ranges read as they are meant, at any number of them, and are mistakes in them explained? */
class RangesFileTest {
    @TempDir
    private Path folder;

    @Test
    void readsAListFromAFileOrFromTheStandardInput() throws IOException {
        String list = """
                [
                  {"offset": 65536, "length": 512},
                  { "length":1, "offset":9223372036854775806, "type": [0, {"a": null}], "description": "data" },
                  {"offset": 7, "length": 0}
                ]
                """;
        List<ByteRange> expected = List.of(new ByteRange(65536, 512), new ByteRange(Long.MAX_VALUE - 1, 1));
        assertEquals(expected, ranges(list));
        Path file = Files.writeString(folder.resolve("ranges.json"), list);
        List<ByteRange> fromFile = new ArrayList<>();
        RangesFile.read(file.toString(), InputStream.nullInputStream(), fromFile::add);
        assertEquals(expected, fromFile);
        assertEquals(List.of(), ranges("[]"));
    }

    @Test
    void mistakesAreExplained() {
        assertSaid("is empty or ends too early", "");
        assertSaid(" is not a list, as in [{\"offset\": 0, \"length\": 65536}].", "{\"offset\":0,\"length\":1}");
        assertSaid("(line 3, column 4) is not valid JSON.", "[\n{\"offset\":0,\n  'length':1}]");
        assertSaid(" is not valid JSON.", "# comment\n[]");
        assertSaid(" is not valid JSON.", "[{\"offset\":0,\"length\":1},]");
        assertSaid("ends too early, in or behind its range 2.", "[{\"offset\":0,\"length\":1},{\"offset\":5");
        assertSaid("(line 2, column 2) is not valid JSON.", "[]\n[]");
        assertSaid(
                "range 2 of the list of ranges on the standard input (line 2, column 3)",
                "[{\"offset\":0,\"length\":1},\n 5]");
        assertSaid(" is not an object with \"offset\" and \"length\".", "[[0,1]]");
        assertSaid(" has no \"length\".", "[{\"offset\":0,\"lenght\":5}]");
        assertSaid(" has no \"offset\".", "[{\"length\":5}]");
        assertSaid(" has two fields \"offset\".", "[{\"offset\":0,\"offset\":0,\"length\":5}]");
        assertSaid(" has a negative offset: -1.", "[{\"offset\":-1,\"length\":5}]");
        assertSaid(" has a negative length: -5.", "[{\"offset\":1,\"length\":-5}]");
        assertSaid(" has an offset that is not a number.", "[{\"offset\":\"5\",\"length\":5}]");
        assertSaid(" has 1.5 as length, which is not a whole number.", "[{\"offset\":1,\"length\":1.5}]");
        assertSaid(
                " has 9223372036854775808 as length, which is too large.",
                "[{\"offset\":1,\"length\":9223372036854775808}]");
        assertSaid(
                " ends behind the largest possible offset: offset 9223372036854775807, length 1.",
                "[{\"offset\":9223372036854775807,\"length\":1}]");
    }

    @Test
    void filesThatCannotBeReadAreExplained() throws IOException {
        Path missing = folder.resolve("missing.json");
        assertEquals("the list of ranges " + missing + " does not exist.", refusal(missing.toString()));
        String said = refusal(folder.toString());
        assertEquals("the list of ranges " + folder + " cannot be read: Is a directory.", said);
        Path latin = Files.write(folder.resolve("latin"), "[{\"ä\":1}]".getBytes(StandardCharsets.ISO_8859_1));
        assertEquals("the list of ranges " + latin + " is not UTF-8 text.", refusal(latin.toString()));
    }

    /** A list that is made while it is read: whoever would keep all of it would need a gigabyte. */
    @Test
    void aMillionRangesAreNotKept() {
        Endless list = new Endless(1_000_000);
        long[] seen = new long[2];
        long began = System.nanoTime();
        RangesFile.read(RangesFile.STDIN, list, range -> {
            assertEquals(seen[0]++ * 131072, range.offset());
            seen[1] = Math.max(seen[1], list.produced - seen[0]);
        });
        System.out.println("RangesFileTest: a million in " + (System.nanoTime() - began) / 1_000_000 + " ms");
        assertEquals(1_000_000, seen[0]);
        assertTrue(seen[1] < 2_000, "it read " + seen[1] + " ranges ahead");
    }

    private static final class Endless extends InputStream {
        private final long count;
        private long produced;
        private byte[] current = {'['};
        private int next;

        Endless(long count) {
            this.count = count;
        }

        @Override
        public int read() {
            return refill() ? current[next++] : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (!refill()) {
                return -1;
            }
            int part = Math.min(length, current.length - next);
            System.arraycopy(current, next, into, offset, part);
            next += part;
            return part;
        }

        private boolean refill() {
            if (next < current.length) {
                return true;
            }
            if (produced > count) {
                return false;
            }
            String object = (produced == 0 ? "" : ",") + "{\"offset\":" + produced * 131072 + ",\"length\":65536}";
            current = Jobs.utf8(produced == count ? "]" : object);
            produced++;
            next = 0;
            return true;
        }
    }

    private static List<ByteRange> ranges(String text) {
        List<ByteRange> ranges = new ArrayList<>();
        RangesFile.read(RangesFile.STDIN, new ByteArrayInputStream(Jobs.utf8(text)), ranges::add);
        return ranges;
    }

    private static void assertSaid(String expected, String text) {
        String said =
                assertThrows(JobException.BadRanges.class, () -> ranges(text)).getMessage();
        assertTrue(said.contains(expected), said);
        assertTrue(said.contains("the list of ranges on the standard input (line "), said);
    }

    private static String refusal(String file) {
        return assertThrows(
                        JobException.BadRanges.class,
                        () -> RangesFile.read(file, InputStream.nullInputStream(), _ -> {}))
                .getMessage();
    }
}
