package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.nbd.fixture.NetNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Is each fault told in time, and by the right name, on both roads, and is the restore point right in the end? {@code
 * bin/soak matrix} tries all of them and writes docs/hangs.md; otherwise there is a handful. Of {@code -Dsoak.matrix=WORDS}
 * those are tried whose hop and name the words, a pattern, are found in.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class FaultMatrixIT {
    /** So many at once: they mostly wait, but what they start wants to be started in time. */
    private static final Semaphore PLACES = new Semaphore(3);

    private static final String WANTED = System.getProperty("soak.matrix", "");
    private static final Set<String> HANDFUL = Set.of(
            "EMBEDDED " + MatrixFault.Hop.AGENT + " descriptors run out (`--nofile=24`)",
            "EMBEDDED " + MatrixFault.Hop.VCENTER + " the task of the snapshot does not end (`--deadline 8s`)",
            "EMBEDDED " + MatrixFault.Hop.SSH + " frozen with its sessions",
            "SERVICE " + MatrixFault.Hop.SSH + " may not forward to the hub",
            "SERVICE " + MatrixFault.Hop.NETWORK + " packets vanish both ways",
            "EMBEDDED " + MatrixFault.Hop.EXPORT + " frozen, then goes on",
            "SERVICE " + MatrixFault.Hop.EXPORT + " an export without a hub: its one slot is taken");

    private static final List<MatrixCell.Result> RESULTS = Collections.synchronizedList(new ArrayList<>());

    private final long seed = Long.getLong("soak.seed", System.nanoTime());

    @TempDir
    private Path folder;

    /** One fault on one road. */
    record Cell(MatrixFault fault, MatrixLab.Road road) {
        @Override
        public String toString() {
            return road + " " + fault.hop() + " " + fault.name();
        }

        boolean isWanted() {
            if (fault.expected(road) == null) {
                return false;
            }
            return switch (WANTED) {
                case "" -> HANDFUL.contains(toString());
                case "all" -> true;
                default -> toString().matches(".*(" + WANTED + ").*");
            };
        }
    }

    static List<Cell> cells() {
        List<Cell> wanted = MatrixFaults.all().stream()
                .flatMap(fault -> Arrays.stream(MatrixLab.Road.values()).map(road -> new Cell(fault, road)))
                .filter(Cell::isWanted)
                .toList();
        if (WANTED.isEmpty()) {
            assertEquals(HANDFUL.size(), wanted.size(), "a fault of the handful has another name now");
        }
        return wanted;
    }

    @BeforeAll
    static void asRoot() {
        assumeTrue(NetNamespace.canBeMade(), "only root can make a network namespace; the matrix was not tried");
    }

    @ParameterizedTest
    @MethodSource("cells")
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void isToldInTimeByItsName(Cell cell) throws Exception {
        assertTrue(PLACES.tryAcquire(50, TimeUnit.MINUTES), "no place for it");
        try {
            check(cell);
        } finally {
            PLACES.release();
        }
    }

    private void check(Cell cell) throws Exception {
        long begun = System.nanoTime();
        MatrixCell.Result result;
        try {
            result = MatrixCell.run(folder, cell.fault(), cell.road(), new Random(seed));
        } catch (Exception | AssertionError e) {
            System.out.println("fault matrix: " + cell + " BROKEN, seed=" + seed + ": " + e);
            throw e;
        }
        RESULTS.add(result);
        System.out.printf(
                "fault matrix: %s: code %d, after %d ms, %s %s, in %d s %s%n",
                cell,
                result.code(),
                result.after().toMillis(),
                result.named(),
                result.data(),
                (System.nanoTime() - begun) / 1_000_000_000L,
                result.wrong());
        assertEquals(List.of(), result.wrong(), () -> "seed=" + seed + "\n" + result.err());
    }

    @AfterAll
    static void write() throws IOException {
        if (!WANTED.isEmpty()) {
            Path page = MatrixTable.PAGE;
            Files.writeString(page, MatrixTable.written(Files.readString(page), RESULTS));
        }
    }
}
