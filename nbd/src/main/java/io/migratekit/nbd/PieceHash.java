package io.migratekit.nbd;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * Which 128 bits stand for a piece of memory? XXH3 of libxxhash: what {@code xxhsum -H2} prints.
 *
 * <p>Why this one: a hash of everything that is copied may not be what a copy waits for, and our JVM
 * runs without its optimizing compiler. There SHA-256 of {@code java.security} makes 0.1 GB/s, and
 * even in C it makes 1.5 at the best and 0.4 without instructions of its own; XXH3 makes 14 to 29
 * from a cache and 7 to 10 from memory. It finds accidents: two contents that differ by chance share
 * their 128 bits once in 3 * 10^38. It stops no forger, for whoever wants two contents with one hash
 * can make them. So it stands for pieces only; above it is SHA-256, over the hashes of the pieces.
 *
 * <p>For one thread, because the answer of the library is always put into the same place.
 */
public final class PieceHash {
    public static final int BYTES = 16;

    private static final VarHandle BIG_ENDIAN =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    /** Longer than 240 bytes, from where on XXH3 is another algorithm than for short pieces. */
    private static final int PROBE_BYTES = 256;

    private static final long HIGH_OF_PROBE = 0xbb039d71e9630a91L;
    private static final long LOW_OF_PROBE = 0xa68dfbb1d75c6e8dL;

    private final Thread owner = Thread.currentThread();
    private final MethodHandle function;
    private final MemorySegment answer = Arena.ofAuto().allocate(Library.ANSWER);
    private final SegmentAllocator intoAnswer = (_, _) -> answer;

    /** @throws NbdException.LibraryMissing if there is no libxxhash, or none that can be used */
    public PieceHash() {
        this(Library.XXH3);
    }

    private PieceHash(Optional<MethodHandle> function) {
        this.function = function.orElseThrow(() -> missing("cannot be loaded"));
        // Before 0.8 the same function gave other hashes, and what they prove would look damaged ever after.
        try (Arena arena = Arena.ofConfined()) {
            call(arena.allocate(PROBE_BYTES));
        }
        if (high() != HIGH_OF_PROBE || low() != LOW_OF_PROBE) {
            throw missing("is older than 0.8 and computes other hashes");
        }
    }

    /** With this one of the library's functions, which all give the same. */
    static PieceHash by(String function) {
        return new PieceHash(Library.function(function));
    }

    /**
     * Puts the hash of all these bytes into an array.
     *
     * @param bytes off-heap
     * @param at where the 16 bytes of the hash begin in {@code into}; they are in the order in which they are printed
     */
    public void hash(MemorySegment bytes, byte[] into, int at) {
        if (!owner.equals(Thread.currentThread())) {
            throw new IllegalStateException("this hash belongs to the thread " + owner.getName());
        }
        call(bytes);
        BIG_ENDIAN.set(into, at, high());
        BIG_ENDIAN.set(into, at + Long.BYTES, low());
    }

    private void call(MemorySegment bytes) {
        try {
            MemorySegment _ = (MemorySegment) function.invokeExact(intoAnswer, bytes, bytes.byteSize());
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libxxhash cannot throw", t);
        }
    }

    private long low() {
        return answer.get(JAVA_LONG, 0);
    }

    private long high() {
        return answer.get(JAVA_LONG, Long.BYTES);
    }

    private static NbdException.LibraryMissing missing(String how) {
        return new NbdException.LibraryMissing(
                "libxxhash " + how + " (" + Library.SONAME + ")",
                "What is copied is hashed with it. Install it: the package is libxxhash0 on Debian and Ubuntu"
                        + " (apt-get install libxxhash0), xxhash-libs or xxhash elsewhere.");
    }

    /** Loaded and linked when the first piece is to be hashed: commands that hash nothing pay nothing for it. */
    private static final class Library {
        static final String SONAME = "libxxhash.so.0";
        static final StructLayout ANSWER = MemoryLayout.structLayout(JAVA_LONG, JAVA_LONG);
        /** Debian's library for x86-64 also has a function that takes AVX2 or AVX-512 if the processor has it. */
        static final Optional<MethodHandle> XXH3 =
                function("XXH3_128bits_dispatch").or(() -> function("XXH3_128bits"));

        /** Empty if the library is missing, or lacks the function. */
        static Optional<MethodHandle> function(String name) {
            SymbolLookup library;
            try {
                library = SymbolLookup.libraryLookup(SONAME, Arena.global());
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
            FunctionDescriptor descriptor = FunctionDescriptor.of(ANSWER, ADDRESS, JAVA_LONG);
            return library.find(name).map(address -> Linker.nativeLinker().downcallHandle(address, descriptor));
        }
    }
}
