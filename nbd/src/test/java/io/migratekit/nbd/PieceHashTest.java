package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Hidden;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Are the hashes those of the real tool, whatever the length and the address, and what if there is no library? */
class PieceHashTest {
    /** XXH3 goes other ways for 0, up to 3, 8, 16, 128 and 240 bytes, and beyond in blocks of 1024. */
    private static final IntStream BORDERS =
            IntStream.of(0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025, 65536);

    @TempDir
    private Path folder;

    @Test
    void hashesAreThoseOfTheToolAtAnyAddress() throws IOException {
        long seed = System.nanoTime();
        System.out.println("PieceHashTest.hashesAreThoseOfTheToolAtAnyAddress seed=" + seed);
        Random random = new Random(seed);
        int[] lengths = IntStream.concat(BORDERS, random.ints(60, 0, 70_000)).toArray();
        List<byte[]> contents = new ArrayList<>();
        List<String> words = new ArrayList<>(List.of("xxhsum", "-H2"));
        for (int length : lengths) {
            byte[] content = new byte[length];
            random.nextBytes(content);
            contents.add(content);
            words.add(Files.write(folder.resolve("piece" + contents.size()), content)
                    .toString());
        }
        List<String> lines = Tool.run(words.toArray(String[]::new))
                .lines()
                .map(line -> line.substring(0, 32))
                .toList();
        List<PieceHash> all =
                Stream.of(new PieceHash(), PieceHash.by("XXH3_128bits")).toList();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(70_064, 64);
            for (int i = 0; i < lengths.length; i++) {
                MemorySegment piece = memory.asSlice(random.nextInt(64), lengths[i]);
                piece.copyFrom(MemorySegment.ofArray(contents.get(i)));
                for (PieceHash hash : all) {
                    assertEquals(lines.get(i), hex(hash, piece), "length " + lengths[i]);
                }
            }
        }
    }

    private static String hex(PieceHash hash, MemorySegment piece) {
        byte[] bytes = new byte[PieceHash.BYTES];
        hash.hash(piece, bytes, 0);
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void onlyTheSixteenBytesAreWritten() {
        PieceHash hash = new PieceHash();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocateFrom(ValueLayout.JAVA_BYTE, (byte) 'a', (byte) 'b', (byte) 'c');
            byte[] alone = new byte[PieceHash.BYTES];
            hash.hash(piece, alone, 0);
            byte[] among = new byte[3 * PieceHash.BYTES];
            hash.hash(piece, among, 5);
            byte[] expected = new byte[among.length];
            System.arraycopy(alone, 0, expected, 5, alone.length);
            assertArrayEquals(expected, among);
            assertThrows(IndexOutOfBoundsException.class, () -> hash.hash(piece, new byte[15], 0));
        }
    }

    @Test
    void anotherThreadIsRefused() throws InterruptedException {
        PieceHash[] elsewhere = new PieceHash[1];
        Thread thread = Thread.ofPlatform().name("elsewhere").start(() -> elsewhere[0] = new PieceHash());
        thread.join(10_000);
        IllegalStateException refused = assertThrows(
                IllegalStateException.class,
                () -> hex(elsewhere[0], Arena.global().allocate(1)));
        assertEquals("this hash belongs to the thread elsewhere", refused.getMessage());
    }

    /** Says in a JVM of its own the hash of nothing, or why there is none. */
    static final class Maker {
        public static void main(String[] words) {
            try {
                System.out.println(hex(new PieceHash(), Arena.global().allocate(0)));
            } catch (NbdException.LibraryMissing e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void aMissingLibraryIsSaidWithItsPackage() {
        List<String> hidden = Hidden.library("libxxhash.so.0");
        List<String> jvm = Arrays.asList(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Maker.class.getName());
        String output = Tool.run(Stream.concat(hidden.stream(), jvm.stream()).toArray(String[]::new));
        assertEquals(1, output.lines().count(), output);
        assertTrue(output.startsWith("libxxhash cannot be loaded (libxxhash.so.0)"), output);
        assertTrue(output.contains("apt-get install libxxhash0"), output);
        assertEquals("99aa06d3014798d86001c324468d497f\n", Tool.run(jvm.toArray(String[]::new)));
    }
}
