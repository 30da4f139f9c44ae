package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Does docs/hangs.md show the faults that are tried, all of them and no others? */
class MatrixTableTest {
    @Test
    void thePageHasARowForEachFault() throws IOException {
        List<String> tried = MatrixFaults.all().stream().map(MatrixTable::name).toList();
        assertEquals(tried.size(), new HashSet<>(tried).size(), "no two faults have the same name");
        assertTrue(tried.size() >= 30, "so many faults are tried");
        assertEquals(tried, MatrixTable.names(Files.readString(MatrixTable.PAGE)), "run bin/soak matrix");
    }

    @Test
    void atLeastOneRoadKnowsEachFault() {
        for (MatrixFault fault : MatrixFaults.all()) {
            assertTrue(fault.embedded() != null || fault.service() != null, fault::name);
        }
    }
}
