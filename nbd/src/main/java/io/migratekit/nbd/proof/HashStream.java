package io.migratekit.nbd.proof;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/** What stands in a hash file before its trailer? The header, and the hashes of all units as one row. */
final class HashStream {
    private final RecordWriter records;
    private final long diskBytes;

    HashStream(OutputStream out, long diskBytes) {
        this.diskBytes = diskBytes;
        this.records = new RecordWriter(out);
        try {
            out.write(HashFile.header(diskBytes));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write hashes: " + e.getMessage(), e);
        }
    }

    /** Cells in a row become one record, also across units: the bytes do not depend on the size of units. */
    void add(UnitHashes unit) {
        unit.entries(diskBytes).forEach(records::entry);
    }

    void add(HashEntry entry) {
        records.entry(entry);
    }

    void flush() {
        records.flush();
    }
}
