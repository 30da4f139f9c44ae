package io.migratekit.agent.job;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * How are the header and the records of progress.log laid out? Big-endian; docs/state-format.md has
 * the table.
 *
 * <p>A record's checksum also covers the log's own salt and the record's place in it. So neither a
 * record of another log, which a file system may bring to light after a power cut, nor one that moved
 * passes for intact, and nor do zeroes.
 */
final class ProgressFormat {
    /** The fault of a header that is as good as that of any job. */
    static final String OF_ANOTHER = "it belongs to another job";

    static final int HEADER_BYTES = 64;
    static final int RECORD_HEADER_BYTES = 16;
    static final int LONGEST_PAYLOAD = 1 << 20;
    static final int DIGEST_BYTES = 32;

    private static final byte[] MAGIC = {'m', 'k', 'p', 'r', 'o', 'g', '\r', '\n'};
    private static final int VERSION = 1;
    private static final int VERSION_AT = 8;
    private static final int SALT_AT = 16;
    private static final int DIGEST_AT = 24;
    private static final int HEADER_CRC_AT = 60;

    private static final int LENGTH_AT = 4;
    private static final int UNIT_AT = 8;

    private final long salt;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer place = ByteBuffer.allocate(16);

    ProgressFormat(long salt) {
        this.salt = salt;
    }

    /** The same format for another thread; one instance serves one thread at a time. */
    ProgressFormat another() {
        return new ProgressFormat(salt);
    }

    static byte[] header(long salt, byte[] digest) {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
        header.put(MAGIC).putInt(VERSION_AT, VERSION).putLong(SALT_AT, salt).put(DIGEST_AT, digest, 0, DIGEST_BYTES);
        return header.putInt(HEADER_CRC_AT, headerCrc(header.array())).array();
    }

    /** What is wrong with the header, as the rest of a sentence; empty if it is that of the given job. */
    static String fault(byte[] header, byte[] digest) {
        if (header.length < HEADER_BYTES || !Arrays.equals(header, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            return "it does not begin like a progress log";
        }
        ByteBuffer fields = ByteBuffer.wrap(header);
        if (fields.getInt(HEADER_CRC_AT) != headerCrc(header)) {
            return "its header is damaged";
        }
        if (fields.getInt(VERSION_AT) != VERSION) {
            return "its version is " + fields.getInt(VERSION_AT) + ", and this program knows version " + VERSION;
        }
        if (!Arrays.equals(header, DIGEST_AT, DIGEST_AT + DIGEST_BYTES, digest, 0, DIGEST_BYTES)) {
            return OF_ANOTHER;
        }
        return "";
    }

    static long salt(byte[] header) {
        return ByteBuffer.wrap(header).getLong(SALT_AT);
    }

    /** Appends a record that will stand at the given offset of the log. */
    void put(ByteBuffer out, long offset, DurableUnit unit) {
        int start = out.position();
        out.putInt(0).putInt(unit.payload().length).putLong(unit.unit()).put(unit.payload());
        out.putInt(start, crc(out, start, unit.payload().length, offset));
    }

    static int recordBytes(int payloadBytes) {
        return RECORD_HEADER_BYTES + payloadBytes;
    }

    /** The length that the record claims for its payload; not to be trusted before {@link #isIntact}. */
    static int payloadBytes(ByteBuffer record) {
        return record.getInt(LENGTH_AT);
    }

    static long unit(ByteBuffer record) {
        return record.getLong(UNIT_AT);
    }

    static boolean isPossible(int payloadBytes) {
        return payloadBytes >= 0 && payloadBytes <= LONGEST_PAYLOAD;
    }

    /** Whether the record at the buffer's index 0, all of which is there, is what was written at that offset. */
    boolean isIntact(ByteBuffer record, long offset) {
        long unit = unit(record);
        return record.getInt(0) == crc(record, 0, payloadBytes(record), offset)
                && unit >= 0
                && unit < UnitSet.MOST_UNITS;
    }

    private int crc(ByteBuffer buffer, int at, int payloadBytes, long offset) {
        crc.reset();
        crc.update(place.putLong(0, salt).putLong(8, offset).array());
        crc.update(
                buffer.array(), buffer.arrayOffset() + at + LENGTH_AT, RECORD_HEADER_BYTES - LENGTH_AT + payloadBytes);
        return (int) crc.getValue();
    }

    private static int headerCrc(byte[] header) {
        CRC32C crc = new CRC32C();
        crc.update(header, 0, HEADER_CRC_AT);
        return (int) crc.getValue();
    }
}
