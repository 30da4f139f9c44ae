package io.migratekit.nbd.proof;

import io.migratekit.nbd.PieceHash;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/** What is the hash of a piece or leaf as a value? Two longs, big-endian: as {@link PieceHash} puts them. */
public record Xxh128(long high, long low) {
    public static final int BYTES = PieceHash.BYTES;

    /** A leaf of 64 KiB that is all zero: a constant of the format. */
    static final Xxh128 ZERO_LEAF = new Xxh128(0xfd5ee061c8433a0fL, 0x33b202d302b65caaL);

    public byte[] bytes() {
        return ByteBuffer.allocate(BYTES).putLong(high).putLong(low).array();
    }

    public String hex() {
        return HexFormat.of().formatHex(bytes());
    }

    @Override
    public String toString() {
        return hex();
    }
}
