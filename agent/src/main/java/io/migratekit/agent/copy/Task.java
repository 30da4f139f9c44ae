package io.migratekit.agent.copy;

import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.UnitHashes;
import java.util.Optional;

/**
 * What is a worker to do next? To copy a unit, or, if there is something to compare with, to read it
 * back and compare.
 */
record Task(Unit unit, Optional<UnitHashes> expected) {
    boolean isVerify() {
        return expected.isPresent();
    }
}
