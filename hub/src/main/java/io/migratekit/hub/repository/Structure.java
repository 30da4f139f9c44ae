package io.migratekit.hub.repository;

import io.migratekit.nbd.PieceHash;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import java.util.HexFormat;

/**
 * What does a QCOW2 file hold besides data? One hash over all of its clusters that are no data of the disk: header, tables,
 * reference counts, and what nobody uses. The disk's hashes speak for the rest, so that no byte of a sealed file can
 * change unseen.
 */
final class Structure {
    private static final int HASH_BYTES = 16;
    private static final int HEADER_BYTES = 104;
    private static final int LEAST_CLUSTER_BITS = 9;
    private static final int MOST_CLUSTER_BITS = 21;
    private static final long ENTRY_OFFSET = 0x00ff_ffff_ffff_fe00L;
    private static final long COMPRESSED = 1L << 62;
    private static final long READS_ZERO = 1;

    private final FileChannel file;
    private final long fileBytes;
    private final int clusterBytes;
    private final BitSet data = new BitSet();

    private Structure(FileChannel file) throws IOException, Qcow2Header.Unfit {
        this.file = file;
        this.fileBytes = file.size();
        ByteBuffer header = read(0, HEADER_BYTES);
        if (header.remaining() < HEADER_BYTES) {
            throw new Qcow2Header.Unfit("its header is cut short or damaged");
        }
        int bits = header.getInt(20);
        int l1Entries = header.getInt(36);
        long l1Offset = header.getLong(40);
        if (bits < LEAST_CLUSTER_BITS || bits > MOST_CLUSTER_BITS || l1Entries < 0 || l1Offset < 0) {
            throw new Qcow2Header.Unfit("its header is damaged");
        }
        clusterBytes = 1 << bits;
        findData(l1Offset, l1Entries);
    }

    /** The hash, as it is kept; anything that is damaged gives another one, or is said to be so. */
    static String of(Path path) throws IOException, Qcow2Header.Unfit {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return new Structure(file).hash();
        }
    }

    private void findData(long l1Offset, int l1Entries) throws IOException {
        for (long done = 0; done < l1Entries; done += clusterBytes / Long.BYTES) {
            int count = (int) Math.min(clusterBytes / Long.BYTES, l1Entries - done);
            ByteBuffer l1 = read(l1Offset + done * Long.BYTES, count * Long.BYTES);
            while (l1.remaining() >= Long.BYTES) {
                long l2 = l1.getLong() & ENTRY_OFFSET;
                if (l2 != 0) {
                    ByteBuffer entries = read(l2, clusterBytes);
                    while (entries.remaining() >= Long.BYTES) {
                        note(entries.getLong());
                    }
                }
            }
        }
    }

    private void note(long entry) {
        long offset = entry & ENTRY_OFFSET;
        if (offset != 0 && offset < fileBytes && (entry & (COMPRESSED | READS_ZERO)) == 0) {
            data.set(Math.toIntExact(offset / clusterBytes));
        }
    }

    private String hash() throws IOException {
        PieceHash pieceHash = new PieceHash();
        byte[] one = new byte[HASH_BYTES];
        try (Arena arena = Arena.ofConfined()) {
            MessageDigest all = MessageDigest.getInstance("SHA-256");
            MemorySegment buffer = arena.allocate(clusterBytes);
            for (int cluster = data.nextClearBit(0);
                    (long) cluster * clusterBytes < fileBytes;
                    cluster = data.nextClearBit(cluster + 1)) {
                ByteBuffer bytes = buffer.asByteBuffer();
                fill(bytes, (long) cluster * clusterBytes);
                pieceHash.hash(buffer.asSlice(0, bytes.position()), one, 0);
                all.update(one);
            }
            return HexFormat.of().formatHex(all.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private ByteBuffer read(long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        fill(bytes, offset);
        return bytes.flip();
    }

    /** As far as the file goes. */
    private void fill(ByteBuffer bytes, long offset) throws IOException {
        for (long at = offset; bytes.hasRemaining() && at < fileBytes; ) {
            int count = file.read(bytes, at);
            if (count < 0) {
                return;
            }
            at += count;
        }
    }
}
