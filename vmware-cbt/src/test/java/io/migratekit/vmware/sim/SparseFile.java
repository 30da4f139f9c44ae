package io.migratekit.vmware.sim;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** What is in a file, holes left out? They cost nothing here, so that a sparse disk of 10 TiB is a cheap one. */
final class SparseFile {
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final MethodHandle OPEN = handle("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle SEEK =
            handle("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));

    private SparseFile() {}

    @SuppressWarnings("restricted")
    private static MethodHandle handle(String name, FunctionDescriptor shape) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), shape);
    }

    /** Makes a file of this size that is one hole. */
    static void create(Path file, long sizeBytes) {
        try {
            Files.createDirectories(Objects.requireNonNull(file.getParent()));
            Files.createFile(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        resize(file, sizeBytes);
    }

    static void resize(Path file, long sizeBytes) {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(sizeBytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Digests the file piece by piece, and copies it sparsely on the way if asked. A piece which is allocated counts
     * even if it is all zero; one which lies in a hole does not.
     */
    static Moment freeze(Path file, long capacity, int granularity, @Nullable Path copy) {
        try (Arena arena = Arena.ofConfined();
                FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            if (copy == null) {
                return new Pass(in, null, capacity, granularity).run(arena, file);
            }
            create(copy, capacity);
            try (FileChannel out = FileChannel.open(copy, StandardOpenOption.WRITE)) {
                return new Pass(in, out, capacity, granularity).run(arena, file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class Pass {
        private final FileChannel in;
        private final @Nullable FileChannel out;
        private final long capacity;
        private final int granularity;
        private final ByteBuffer piece;
        private final CRC32 crc32 = new CRC32();
        private final CRC32C crc32c = new CRC32C();
        private long[] numbers = new long[64];
        private long[] digests = new long[64];
        private int count;

        Pass(FileChannel in, @Nullable FileChannel out, long capacity, int granularity) {
            this.in = in;
            this.out = out;
            this.capacity = capacity;
            this.granularity = granularity;
            this.piece = ByteBuffer.allocateDirect(granularity);
        }

        Moment run(Arena arena, Path file) throws IOException {
            int descriptor = call(() -> (int) OPEN.invokeExact(arena.allocateFrom(file.toString()), 0));
            if (descriptor < 0) {
                throw new IOException("cannot open " + file);
            }
            try {
                long at = 0;
                while (at < capacity) {
                    long data = seek(descriptor, at, SEEK_DATA);
                    if (data < 0 || data >= capacity) {
                        break;
                    }
                    long end = Math.min(seek(descriptor, data, SEEK_HOLE), capacity);
                    // Pieces are whole: one that is partly a hole is a piece with data.
                    long number = Math.max(data, at) / granularity;
                    for (; number * granularity < end; number++) {
                        digest(number);
                    }
                    at = number * granularity;
                }
            } finally {
                int ignored = call(() -> (int) CLOSE.invokeExact(descriptor));
                assert ignored == 0;
            }
            return new Moment(capacity, granularity, Arrays.copyOf(numbers, count), Arrays.copyOf(digests, count));
        }

        private static long seek(int descriptor, long offset, int how) {
            return call(() -> (long) SEEK.invokeExact(descriptor, offset, how));
        }

        private void digest(long number) throws IOException {
            long offset = number * granularity;
            piece.clear().limit((int) Math.min(granularity, capacity - offset));
            while (piece.hasRemaining() && in.read(piece, offset + piece.position()) >= 0) {}
            piece.flip();
            crc32.reset();
            crc32.update(piece.duplicate());
            crc32c.reset();
            crc32c.update(piece.duplicate());
            if (count == numbers.length) {
                numbers = Arrays.copyOf(numbers, 2 * count);
                digests = Arrays.copyOf(digests, 2 * count);
            }
            numbers[count] = number;
            digests[count++] = crc32.getValue() << 32 | crc32c.getValue();
            if (out != null && !isZero()) {
                while (piece.hasRemaining()) {
                    out.write(piece, offset + piece.position());
                }
            }
        }

        private boolean isZero() {
            for (int i = 0; i < piece.limit(); i++) {
                if (piece.get(i) != 0) {
                    return false;
                }
            }
            return true;
        }
    }

    private interface Native<T> {
        T run() throws Throwable;
    }

    private static <T> T call(Native<T> function) {
        try {
            return function.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
