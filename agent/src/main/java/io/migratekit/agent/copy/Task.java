package io.migratekit.agent.copy;

import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.UnitHashes;
import java.util.Optional;

/**
 * What is a worker to do next? To copy a unit, or to read it back and compare.
 *
 * @param expected what its hashes have to be; empty for a copy of which nothing is known beforehand
 */
record Task(Unit unit, boolean isVerify, Optional<UnitHashes> expected) {}
