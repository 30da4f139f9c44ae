package io.migratekit.agent.job;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Which unit is durable, and what is kept for it? No record, because arrays in records compare by identity. */
public final class DurableUnit {
    private final long unit;
    private final byte[] payload;

    /**
     * The unit of this number.
     *
     * @param payload its encoded hashes, opaque here; empty without hashing. Not copied: whoever hands
     *     it over does not change it any more
     */
    public DurableUnit(long unit, byte[] payload) {
        if (unit < 0 || unit >= UnitSet.MOST_UNITS) {
            throw new IllegalArgumentException("not a unit's number: " + unit);
        }
        if (payload.length > ProgressFormat.LONGEST_PAYLOAD) {
            throw new IllegalArgumentException("payload of " + payload.length + " bytes");
        }
        this.unit = unit;
        this.payload = payload;
    }

    public long unit() {
        return unit;
    }

    /** Not a copy: not to be changed. */
    public byte[] payload() {
        return payload;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof DurableUnit that && unit == that.unit && Arrays.equals(payload, that.payload);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(unit) * 31 + Arrays.hashCode(payload);
    }

    @Override
    public String toString() {
        return "unit " + unit + " with " + payload.length + " bytes";
    }
}
