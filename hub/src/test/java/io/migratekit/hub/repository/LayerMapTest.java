package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the map of a layer say what qemu-img says of it, and nothing of what is below it? */
class LayerMapTest {
    private static final long MIB = 1 << 20;
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final long seed = Long.getLong("map.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @Test
    void itIsWhatQemuImgSays() throws Exception {
        System.getLogger("map").log(System.Logger.Level.INFO, "map.seed=" + seed);
        for (long bytes : List.of(3 * MIB + 512, 600 * MIB, 3000 * MIB + 65536)) {
            Path full = create("0001-" + bytes + ".qcow2", bytes, "");
            scribble(full, bytes);
            same(full, bytes);
            Path part =
                    create("0002-" + bytes + ".qcow2", bytes, full.getFileName().toString());
            same(part, bytes);
            scribble(part, bytes);
            same(part, bytes);
        }
    }

    /** An export may write meanwhile; no lock is asked for, and none is in the way. */
    @Test
    void aLayerThatIsServedCanBeLookedAt() throws Exception {
        Path file = create("0001.qcow2", 64 * MIB, "");
        try (var server = io.migratekit.nbd.server.QemuNbd.of(file, io.migratekit.nbd.server.QemuNbd.Format.QCOW2, 2)
                .start()) {
            Tool.run("qemu-io", "-f", "raw", "-c", "write 5M 2M", "-c", "flush", server.uri());
            LayerMap map = LayerMap.of("l", file, 64 * MIB, LIMIT);
            assertEquals(2 * MIB, sum(map.dataBytes()));
            assertEquals(32, map.dataBytes().stream().filter(part -> part > 0).count());
            assertEquals(65536L, map.dataBytes().get(80));
        }
    }

    @Test
    void withoutTimeItSaysSoAndEndsEarly() throws Exception {
        Path file = create("0001.qcow2", 64L << 30, "");
        Tool.run("qemu-io", "-f", "qcow2", "-c", "write 0 1M", file.toString());
        LayerMap map = LayerMap.of("l", file, 64L << 30, Duration.ZERO);
        assertFalse(map.isWhole());
        assertTrue(map.dataBytes().size() < LayerMap.MOST_BUCKETS, map::toString);
    }

    @Test
    void aDamagedFileIsNoMapAndNoHang() throws Exception {
        Path file = create("0001.qcow2", 64 * MIB, "");
        Tool.run("qemu-io", "-f", "qcow2", "-c", "write 0 1M", file.toString());
        byte[] good = Files.readAllBytes(file);
        for (int i = 0; i < 300; i++) {
            byte[] bad = good.clone();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                bad[16 + random.nextInt(i % 2 == 0 ? 64 : 0x60000)] = (byte) random.nextInt();
            }
            Files.write(file, bad);
            long begun = System.nanoTime();
            try {
                LayerMap map = LayerMap.of("l", file, 64 * MIB, LIMIT);
                assertTrue(map.dataBytes().size() <= LayerMap.MOST_BUCKETS);
            } catch (Qcow2Header.Unfit e) {
                assertFalse(String.valueOf(e.getMessage()).isEmpty());
            }
            assertTrue(System.nanoTime() - begun < LIMIT.toNanos(), "seed " + seed);
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(50);
        }
        assertThrows(Qcow2Header.Unfit.class, () -> LayerMap.of("l", file, 64 * MIB, LIMIT));
    }

    private Path create(String name, long bytes, String backing) {
        List<String> words = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
        if (!backing.isEmpty()) {
            words.addAll(List.of("-b", backing, "-F", "qcow2"));
        }
        Path file = folder.resolve(name);
        words.addAll(List.of(file.toString(), Long.toString(bytes)));
        Tool.run(words.toArray(String[]::new));
        return file;
    }

    private void scribble(Path file, long bytes) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (int i = 0; i < 12; i++) {
            long offset = random.nextLong(bytes / 512) * 512;
            long length = Math.min(bytes - offset, 512 * (1 + random.nextLong(8000)));
            String what = random.nextInt(3) == 0 ? "write -z " : "write ";
            words.addAll(List.of("-c", what + offset + " " + length));
        }
        words.add(file.toString());
        Tool.run(words.toArray(String[]::new));
    }

    private void same(Path file, long bytes) throws IOException, Qcow2Header.Unfit {
        LayerMap map = LayerMap.of("layer", file, bytes, LIMIT);
        int buckets = Math.toIntExact((bytes + map.bucketBytes() - 1) / map.bucketBytes());
        assertTrue(map.isWhole() && buckets <= LayerMap.MOST_BUCKETS, map::toString);
        long[] data = new long[buckets];
        long[] zeroes = new long[buckets];
        String said = Tool.run("qemu-img", "map", "--output=json", "-f", "qcow2", file.toString());
        for (JsonElement element : JsonParser.parseString(said).getAsJsonArray()) {
            JsonObject extent = element.getAsJsonObject();
            if (extent.get("depth").getAsInt() == 0 && extent.get("present").getAsBoolean()) {
                long end =
                        extent.get("start").getAsLong() + extent.get("length").getAsLong();
                long[] of = extent.get("data").getAsBoolean() ? data : zeroes;
                for (long at = extent.get("start").getAsLong(); at < end; ) {
                    int bucket = Math.toIntExact(at / map.bucketBytes());
                    long next = Math.min(end, (bucket + 1) * map.bucketBytes());
                    of[bucket] += next - at;
                    at = next;
                }
            }
        }
        String what = "seed " + seed + " " + file + " " + said;
        for (int i = 0; i < buckets; i++) {
            assertEquals(data[i], map.dataBytes().get(i), what + " data of part " + i);
            assertEquals(zeroes[i], map.zeroBytes().get(i), what + " zeroes of part " + i);
        }
        assertEquals(buckets, map.dataBytes().size());
    }

    private static long sum(List<Long> numbers) {
        return numbers.stream().mapToLong(Long::longValue).sum();
    }
}
