package io.migratekit.hub.repository;

import io.migratekit.nbd.Deadline;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Where on the disk does one layer hold something? In parts of equal size, few enough for a picture. Read from the tables of the
 * QCOW2 file and not asked of qemu, so that neither a server that writes to it nor a lock is in the way.
 *
 * @param bucketBytes the size of a part; the last one may be shorter
 * @param isWhole whether there was time for the whole disk; without it the lists end early
 * @param dataBytes of each part, what is data in this layer
 * @param zeroBytes and what are zeroes, which are held without taking place
 */
public record LayerMap(
        String layer,
        long capacityBytes,
        long bucketBytes,
        boolean isWhole,
        List<Long> dataBytes,
        List<Long> zeroBytes) {
    static final int MOST_BUCKETS = 1024;

    private static final int HEADER_BYTES = 104;
    private static final int LEAST_CLUSTER_BITS = 9;
    private static final int MOST_CLUSTER_BITS = 21;
    private static final long ENTRY_OFFSET = 0x00ff_ffff_ffff_fe00L;
    private static final long COMPRESSED = 1L << 62;
    private static final long READS_ZERO = 1;
    private static final long LONG_ENTRIES = 1 << 4;

    public LayerMap {
        dataBytes = List.copyOf(dataBytes);
        zeroBytes = List.copyOf(zeroBytes);
    }

    /** @param limit when it is over, what was found until then is the answer */
    static LayerMap of(String layer, Path path, long capacityBytes, Duration limit)
            throws IOException, Qcow2Header.Unfit {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return new Walk(file, capacityBytes, Deadline.in(limit)).map(layer);
        }
    }

    /** One way through the tables. */
    private static final class Walk {
        private final FileChannel file;
        private final long capacityBytes;
        private final Deadline deadline;
        private final long clusterBytes;
        private final long l1Offset;
        private final long l1Entries;
        private final long bucketBytes;
        private final long[] data;
        private final long[] zeroes;

        Walk(FileChannel file, long capacityBytes, Deadline deadline) throws IOException, Qcow2Header.Unfit {
            this.file = file;
            this.capacityBytes = capacityBytes;
            this.deadline = deadline;
            ByteBuffer header = read(0, HEADER_BYTES);
            if (header.remaining() < HEADER_BYTES) {
                throw new Qcow2Header.Unfit("its header is cut short or damaged");
            }
            int bits = header.getInt(20);
            l1Offset = header.getLong(40);
            if (bits < LEAST_CLUSTER_BITS || bits > MOST_CLUSTER_BITS || header.getInt(36) < 0 || l1Offset < 0) {
                throw new Qcow2Header.Unfit("its header is damaged");
            }
            if ((header.getLong(72) & LONG_ENTRIES) != 0) {
                throw new Qcow2Header.Unfit("it has parts of clusters, as no layer does");
            }
            clusterBytes = 1L << bits;
            l1Entries = Math.min(header.getInt(36), ceiling(capacityBytes, tableBytes()));
            bucketBytes = ceiling(ceiling(capacityBytes, MOST_BUCKETS), clusterBytes) * clusterBytes;
            int buckets = Math.toIntExact(ceiling(capacityBytes, bucketBytes));
            data = new long[buckets];
            zeroes = new long[buckets];
        }

        /** So much of the disk one table of the second level speaks of. */
        private long tableBytes() {
            return clusterBytes / Long.BYTES * clusterBytes;
        }

        private static long ceiling(long number, long part) {
            return (number + part - 1) / part;
        }

        LayerMap map(String layer) throws IOException {
            int perRead = (int) (clusterBytes / Long.BYTES);
            for (long first = 0; first < l1Entries; first += perRead) {
                int count = (int) Math.min(perRead, l1Entries - first);
                ByteBuffer l1 = read(l1Offset + first * Long.BYTES, count * Long.BYTES);
                for (long entry = first; l1.remaining() >= Long.BYTES; entry++) {
                    long l2 = l1.getLong() & ENTRY_OFFSET;
                    if (deadline.isOver()) {
                        return found(layer, Math.toIntExact(entry * tableBytes() / bucketBytes));
                    }
                    if (l2 != 0) {
                        table(entry * tableBytes(), read(l2, (int) clusterBytes));
                    }
                }
            }
            return found(layer, data.length);
        }

        private void table(long diskOffset, ByteBuffer l2) {
            for (long at = diskOffset; l2.remaining() >= Long.BYTES && at < capacityBytes; at += clusterBytes) {
                long entry = l2.getLong();
                int bucket = Math.toIntExact(at / bucketBytes);
                long bytes = Math.min(clusterBytes, capacityBytes - at);
                if ((entry & COMPRESSED) == 0 && (entry & READS_ZERO) != 0) {
                    zeroes[bucket] += bytes;
                } else if ((entry & ENTRY_OFFSET) != 0) {
                    data[bucket] += bytes;
                }
            }
        }

        private LayerMap found(String layer, int buckets) {
            List<Long> dataBytes = new ArrayList<>(buckets);
            List<Long> zeroBytes = new ArrayList<>(buckets);
            for (int i = 0; i < buckets; i++) {
                dataBytes.add(data[i]);
                zeroBytes.add(zeroes[i]);
            }
            return new LayerMap(layer, capacityBytes, bucketBytes, buckets == data.length, dataBytes, zeroBytes);
        }

        /** As far as the file goes. */
        private ByteBuffer read(long offset, int length) throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(length);
            for (long at = offset; bytes.hasRemaining(); ) {
                int count = file.read(bytes, at);
                if (count < 0) {
                    break;
                }
                at += count;
            }
            return bytes.flip();
        }
    }
}
