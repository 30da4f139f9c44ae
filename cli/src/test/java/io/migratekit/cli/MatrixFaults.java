package io.migratekit.cli;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Which faults are there? All rows of the matrix in docs/hangs.md, sorted by hop. */
final class MatrixFaults {
    private MatrixFaults() {}

    static List<MatrixFault> all() {
        return Stream.of(MatrixSourceFaults.rows(), MatrixRoadFaults.rows(), MatrixHubFaults.rows())
                .flatMap(List::stream)
                .sorted(Comparator.comparing(MatrixFault::hop))
                .toList();
    }
}
