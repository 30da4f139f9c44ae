package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;

/** Does the progress log give back what was recorded, all of it, and never anything that was not? */
class ProgressLogTest {
    /** In memory if that is possible, for some of these tests open a log hundreds of times. */
    @TempDir(factory = InMemory.class)
    private Path folder;

    private Path path = Path.of("");

    private static final List<DurableUnit> SMALL = List.of(
            new DurableUnit(7, Jobs.utf8("seven")),
            new DurableUnit(1, new byte[0]),
            new DurableUnit(300, Jobs.utf8("three hundred")),
            new DurableUnit(2, Jobs.utf8("two")));

    static final class InMemory implements TempDirFactory {
        private static final Path SHM = Path.of("/dev/shm");

        @Override
        public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context) throws IOException {
            return Files.isWritable(SHM)
                    ? Files.createTempDirectory(SHM, "migratekit-")
                    : Files.createTempDirectory("migratekit-");
        }
    }

    @BeforeEach
    void nameTheLog() {
        path = folder.resolve(ProgressLog.NAME);
    }

    @Test
    void givesBackWhatWasRecordedInAscendingOrderAcrossWindows() throws IOException {
        Random random = Jobs.random("ProgressLogTest");
        Map<Long, DurableUnit> expected = new TreeMap<>();
        try (ProgressLog log = open()) {
            for (int i = 0; i < 100; i++) {
                List<DurableUnit> units = new ArrayList<>();
                for (int j = random.nextInt(200); j > 0; j--) {
                    // Far apart, so that one window does not hold them all; some of them twice.
                    units.add(Jobs.unit(random.nextInt(20) == 0 ? random.nextInt(100) : random.nextLong(3_000_000)));
                }
                log.append(units);
                units.forEach(unit -> expected.put(unit.unit(), unit));
            }
            assertEquals(List.copyOf(expected.values()), payloads(log));
        }
        try (ProgressLog log = open()) {
            assertEquals(0, log.cutBytes());
            assertEquals(expected.size(), log.size());
            assertEquals(List.copyOf(expected.values()), payloads(log));
        }
    }

    @Test
    void recordingGoesOnWhilePayloadsAreRead() throws IOException {
        List<DurableUnit> units = new ArrayList<>(Jobs.units(1, 30));
        units.addAll(Jobs.units(1_000_001, 1_000_010)); // In another window.
        try (ProgressLog log = open()) {
            log.append(units);
            Iterator<DurableUnit> payloads = log.payloads();
            for (DurableUnit unit : units) {
                if (unit.unit() == 1_000_005) {
                    log.append(Jobs.units(1_000_010, 1_000_040));
                    log.append(Jobs.units(40, 50));
                }
                assertEquals(unit, payloads.next());
            }
            payloads.forEachRemaining(later -> assertEquals(Jobs.unit(later.unit()), later));
            assertEquals(units.size() + 40, payloads(log).size());
        }
    }

    @Test
    void theLastRecordOfAUnitCounts() throws IOException {
        try (ProgressLog log = open()) {
            log.append(List.of(new DurableUnit(3, Jobs.utf8("old")), new DurableUnit(3, Jobs.utf8("new"))));
            log.append(List.of(new DurableUnit(5, new byte[0]), new DurableUnit(3, Jobs.utf8("newest"))));
        }
        try (ProgressLog log = open()) {
            assertEquals(2, log.size());
            assertEquals(
                    List.of(new DurableUnit(3, Jobs.utf8("newest")), new DurableUnit(5, new byte[0])), payloads(log));
        }
    }

    @Test
    void worksInAnInterruptedThread() throws IOException {
        try (ProgressLog log = open()) {
            Thread.currentThread().interrupt();
            log.append(Jobs.units(0, 10));
            log.append(Jobs.units(10, 20));
            assertEquals(20, payloads(log).size());
            assertTrue(Thread.interrupted(), "the interrupt was swallowed");
        }
        Thread.currentThread().interrupt();
        try (ProgressLog log = open()) {
            assertTrue(Thread.interrupted(), "the interrupt was swallowed");
            assertEquals(20, log.size());
        }
    }

    @Test
    void everyPrefixOfALogIsGoodAsFarAsItGoes() throws IOException {
        byte[] whole = smallLog();
        for (int length = 0; length < whole.length; length++) {
            byte[] prefix = Arrays.copyOf(whole, length);
            if (length < ProgressFormat.HEADER_BYTES) {
                Files.write(path, prefix);
                assertThrows(JobException.Damaged.class, this::open);
            } else {
                assertOnlyIntactUnits(prefix, length);
            }
        }
    }

    @Test
    void noFlippedBitMakesAUnitDurable() throws IOException {
        byte[] whole = smallLog();
        for (int bit = ProgressFormat.HEADER_BYTES * 8; bit < whole.length * 8; bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            assertOnlyIntactUnits(flipped, bit / 8);
        }
        for (int bit = 0; bit < ProgressFormat.HEADER_BYTES * 8; bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(path, flipped);
            assertThrows(JobException.Damaged.class, this::open);
        }
    }

    @Test
    void rubbishBehindTheEndIsCutOff() throws IOException {
        Random random = Jobs.random("ProgressLogTest");
        byte[] whole = smallLog();
        Files.delete(path);
        byte[] foreign = smallLog(); // The same records, in a log with another salt.
        for (int i = 0; i < 100; i++) {
            byte[] tail = new byte[1 + random.nextInt(whole.length - ProgressFormat.HEADER_BYTES)];
            switch (i % 3) {
                case 0 -> random.nextBytes(tail);
                case 1 -> System.arraycopy(foreign, ProgressFormat.HEADER_BYTES, tail, 0, tail.length);
                default -> {} // Zeroes, as some file systems leave them.
            }
            byte[] longer = Arrays.copyOf(whole, whole.length + tail.length);
            System.arraycopy(tail, 0, longer, whole.length, tail.length);
            assertOnlyIntactUnits(longer, whole.length);
            assertEquals(whole.length, Files.size(path));
        }
        int last = (int) recordBytes(SMALL.getLast());
        // The other log's records, in the very places where they were there.
        byte[] mixed = foreign.clone();
        System.arraycopy(whole, 0, mixed, 0, ProgressFormat.HEADER_BYTES);
        assertOnlyIntactUnits(mixed, ProgressFormat.HEADER_BYTES);
        // Its own last record once more, but in another place.
        byte[] repeated = Arrays.copyOf(whole, whole.length + last);
        System.arraycopy(whole, whole.length - last, repeated, whole.length, last);
        assertOnlyIntactUnits(repeated, whole.length);
    }

    @Test
    void aLogOfAnotherJobIsRefused() throws IOException {
        smallLog();
        Files.createFile(folder.resolve("job.json"));
        JobIdentity other = new JobIdentity("nbd://x:10809/", "nbd://b:10809/", 1, "", 1, true, Map.of());
        JobException refused = assertThrows(JobException.Damaged.class, () -> ProgressLog.open(path, other));
        assertEquals(
                path + " cannot be used: it belongs to another job. To begin the job anew, remove the folder " + folder
                        + ".",
                refused.getMessage());
    }

    @Test
    void afterAFailureNothingIsRecordedAnyMore() throws IOException {
        ProgressLog log = open();
        log.append(Jobs.units(0, 3));
        log.close();
        assertThrows(IOException.class, () -> log.append(Jobs.units(3, 4)));
        assertFalse(log.isDurable(3));
    }

    @Test
    void aNamelessLogLeavesNothingBehind() throws IOException {
        try (ProgressLog log = ProgressLog.nameless()) {
            List<DurableUnit> units = new ArrayList<>(Jobs.units(0, 3000));
            Collections.shuffle(units, Jobs.random("ProgressLogTest"));
            log.append(units);
            units.sort(Comparator.comparingLong(DurableUnit::unit));
            assertEquals(units, payloads(log));
        }
    }

    /** Opens the log with that content, and finds the units whose records lie before the place, if anything. */
    private void assertOnlyIntactUnits(byte[] content, int intactBytes) throws IOException {
        Files.write(path, content);
        long end = ProgressFormat.HEADER_BYTES;
        List<DurableUnit> expected = new ArrayList<>();
        for (DurableUnit unit : SMALL) {
            end += recordBytes(unit);
            if (end <= intactBytes) {
                expected.add(unit);
            }
        }
        try (ProgressLog log = open()) {
            assertEquals(
                    expected.stream()
                            .sorted(Comparator.comparingLong(DurableUnit::unit))
                            .toList(),
                    payloads(log));
            long kept = ProgressFormat.HEADER_BYTES
                    + expected.stream().mapToLong(ProgressLogTest::recordBytes).sum();
            assertEquals(content.length - kept, log.cutBytes());
            assertEquals(kept, Files.size(path));
        }
    }

    private static long recordBytes(DurableUnit unit) {
        return (long) ProgressFormat.RECORD_HEADER_BYTES + unit.payload().length;
    }

    private byte[] smallLog() throws IOException {
        try (ProgressLog log = open()) {
            log.append(SMALL);
        }
        return Files.readAllBytes(path);
    }

    private ProgressLog open() throws IOException {
        return ProgressLog.open(path, Jobs.IDENTITY);
    }

    private static List<DurableUnit> payloads(ProgressLog log) {
        List<DurableUnit> units = new ArrayList<>();
        log.payloads().forEachRemaining(units::add);
        return units;
    }
}
