package io.migratekit.hub.repository;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a restore point's content?
 *
 * @param provedAt all of it was read and compared since then; null if it never was after the seal
 * @param damage why it is not what it was; nothing, as far as is known, if it is
 */
public record Verdict(@Nullable Instant provedAt, List<Damage> damage) {
    public Verdict {
        damage = List.copyOf(damage);
    }

    public boolean isGood() {
        return damage.isEmpty();
    }
}
