package io.migratekit.hub.repository;

import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What is to be verified?
 *
 * @param vm only what is kept of this one
 * @param point only this restore point, with all that it stands on
 * @param notSince what was verified after this is passed over; null: nothing is
 * @param bytesPerSecond at most so many are read; 0: as fast as it goes
 * @param isOver asked again and again; when it says so, what was not looked at is left for another time
 */
public record VerifyRequest(
        Optional<String> vm,
        Optional<String> point,
        @Nullable Instant notSince,
        long bytesPerSecond,
        BooleanSupplier isOver) {}
