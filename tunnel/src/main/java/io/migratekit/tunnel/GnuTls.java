package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Which AES-GCM is fast from the first packet on? That of libgnutls, which libnbd needs and therefore
 * is there. The JDK's own makes 25 to 60 MB/s until its optimizing compiler has put the processor's
 * instructions in, after some seconds and only if that compiler is allowed to run at all.
 *
 * <p>The only caller of libgnutls. One key, one direction, one thread at a time. Each call works on a
 * packet where it lies in the heap; the JVM's collector waits for it, which takes microseconds.
 */
@SuppressWarnings("restricted") // The only class of this module that calls native code.
final class GnuTls implements AutoCloseable {
    static final int TAG_BYTES = 16;
    static final int NONCE_BYTES = 12;

    private static final System.Logger LOG = System.getLogger(GnuTls.class.getName());
    private static final int PATIENCE_MILLIS = 100;

    private static final AtomicInteger HELD = new AtomicInteger();

    private final Arena arena = Arena.ofShared();
    private final MemorySegment handle;
    private final MemorySegment produced;

    /** @param key of 16 or 32 bytes */
    GnuTls(byte[] key) {
        Library library = Library.THE.orElseThrow(() -> new IllegalStateException(Library.SONAME + " is missing"));
        produced = arena.allocate(JAVA_LONG);
        try (Arena call = Arena.ofConfined()) {
            MemorySegment bytes = call.allocateFrom(JAVA_BYTE, key);
            MemorySegment datum = call.allocate(Library.DATUM);
            datum.set(ADDRESS, 0, bytes);
            datum.set(JAVA_INT, ADDRESS.byteSize(), key.length);
            MemorySegment made = call.allocate(ADDRESS);
            int code = (int) library.init.invokeExact(made, Library.algorithm(key.length), datum);
            bytes.fill((byte) 0);
            if (code != 0) {
                throw new IllegalStateException("libgnutls refuses AES-GCM: error " + code);
            }
            handle = made.get(ADDRESS, 0).reinterpret(arena, library::free);
            HELD.incrementAndGet();
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libgnutls cannot throw", t);
        }
    }

    /** Encrypts so many bytes where they are, and puts the tag behind them. */
    void seal(byte[] nonce, byte[] authenticated, byte[] bytes, int offset, int lengthBytes) {
        MemorySegment packet = MemorySegment.ofArray(bytes).asSlice(offset, (long) lengthBytes + TAG_BYTES);
        produced.set(JAVA_LONG, 0, (long) lengthBytes + TAG_BYTES);
        int code = call(Library.THE.orElseThrow().encrypt, nonce, authenticated, packet, lengthBytes);
        if (code != 0 || produced.get(JAVA_LONG, 0) != (long) lengthBytes + TAG_BYTES) {
            throw new IllegalStateException("libgnutls does not encrypt: error " + code);
        }
    }

    /**
     * Decrypts so many bytes where they are; the tag lies behind them.
     *
     * @return false if they are not what was encrypted; what lies there then is of no use
     */
    boolean open(byte[] nonce, byte[] authenticated, byte[] bytes, int offset, int lengthBytes) {
        MemorySegment packet = MemorySegment.ofArray(bytes).asSlice(offset, (long) lengthBytes + TAG_BYTES);
        produced.set(JAVA_LONG, 0, lengthBytes);
        int code =
                call(Library.THE.orElseThrow().decrypt, nonce, authenticated, packet, (long) lengthBytes + TAG_BYTES);
        return code == 0 && produced.get(JAVA_LONG, 0) == lengthBytes;
    }

    private int call(
            MethodHandle function, byte[] nonce, byte[] authenticated, MemorySegment packet, long lengthBytes) {
        try {
            return (int) function.invokeExact(
                    handle,
                    MemorySegment.ofArray(nonce),
                    (long) NONCE_BYTES,
                    MemorySegment.ofArray(authenticated),
                    (long) authenticated.length,
                    (long) TAG_BYTES,
                    packet,
                    lengthBytes,
                    packet,
                    produced);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libgnutls cannot throw", t);
        }
    }

    /** Frees the key. Another thread may just be encrypting with it: that call ends first, and the next one fails. */
    @Override
    public void close() {
        for (int i = 0; arena.scope().isAlive() && i < PATIENCE_MILLIS; i++) {
            try {
                arena.close();
            } catch (IllegalStateException e) {
                try {
                    Thread.sleep(1);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt(); // And once more, without a pause.
                }
            }
        }
    }

    /** Puts random bytes, fit for keys, there; any thread may ask. */
    static void random(byte[] into, int offset, int lengthBytes) {
        MemorySegment bytes = MemorySegment.ofArray(into).asSlice(offset, lengthBytes);
        int code;
        try {
            code = (int) Library.THE.orElseThrow().random.invokeExact(Library.FIT_FOR_KEYS, bytes, (long) lengthBytes);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libgnutls cannot throw", t);
        }
        if (code != 0) {
            throw new IllegalStateException("libgnutls has no random bytes: error " + code);
        }
    }

    /** How many keys the library holds for us. */
    static int held() {
        return HELD.get();
    }

    /** Whether it can be used here; if not, the log says once why. */
    static boolean isUsable() {
        return Library.WORKS;
    }

    /** Loaded and linked when the first session is prepared. */
    private static final class Library {
        static final String SONAME = "libgnutls.so.30";
        /** gnutls_datum_t: where, and how many. */
        static final StructLayout DATUM = MemoryLayout.structLayout(
                ADDRESS, JAVA_INT, MemoryLayout.paddingLayout(ADDRESS.byteSize() - JAVA_INT.byteSize()));

        private static final int AES_128_GCM = 10;
        private static final int AES_256_GCM = 11;
        /** GNUTLS_RND_RANDOM. */
        static final int FIT_FOR_KEYS = 1;

        static final Optional<Library> THE = load();
        static final boolean WORKS = THE.isPresent() && givesTheKnownAnswer();

        final MethodHandle init;
        final MethodHandle deinit;
        final MethodHandle encrypt;
        final MethodHandle decrypt;
        final MethodHandle random;

        private Library(SymbolLookup symbols) {
            init = link(
                    symbols, "gnutls_aead_cipher_init", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
            deinit = link(symbols, "gnutls_aead_cipher_deinit", FunctionDescriptor.ofVoid(ADDRESS));
            FunctionDescriptor work = FunctionDescriptor.of(
                    JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS,
                    ADDRESS);
            // Critical, so that arrays can be handed over as they are: neither function blocks or calls back.
            encrypt = link(symbols, "gnutls_aead_cipher_encrypt", work, Linker.Option.critical(true));
            decrypt = link(symbols, "gnutls_aead_cipher_decrypt", work, Linker.Option.critical(true));
            random = link(
                    symbols,
                    "gnutls_rnd",
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG),
                    Linker.Option.critical(true));
        }

        private static MethodHandle link(
                SymbolLookup symbols, String name, FunctionDescriptor descriptor, Linker.Option... options) {
            return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor, options);
        }

        static int algorithm(int keyBytes) {
            return switch (keyBytes) {
                case 16 -> AES_128_GCM;
                case 32 -> AES_256_GCM;
                default -> throw new IllegalArgumentException("no AES key has " + keyBytes + " bytes here");
            };
        }

        private void free(MemorySegment handle) {
            HELD.decrementAndGet();
            try {
                deinit.invokeExact(handle);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable t) {
                throw new AssertionError("libgnutls cannot throw", t);
            }
        }

        private static Optional<Library> load() {
            try {
                return Optional.of(new Library(SymbolLookup.libraryLookup(SONAME, Arena.global())));
            } catch (IllegalArgumentException | NoSuchElementException | IllegalCallerException e) {
                sayWhyNot(e.getMessage());
                return Optional.empty();
            }
        }

        /** Test case 2 of the paper that defines GCM: sixteen zeroes, with a key of zeroes. */
        private static boolean givesTheKnownAnswer() {
            byte[] packet = new byte[16 + TAG_BYTES];
            try (GnuTls zeroes = new GnuTls(new byte[16])) {
                zeroes.seal(new byte[NONCE_BYTES], new byte[0], packet, 0, 16);
                byte[] expected =
                        HexFormat.of().parseHex("0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
                if (Arrays.equals(packet, expected)) {
                    return true;
                }
                sayWhyNot(SONAME + " gives a wrong answer");
            } catch (IllegalStateException e) { // The machine's owner may forbid it, for example.
                sayWhyNot(e.getMessage());
            }
            return false;
        }

        private static void sayWhyNot(@Nullable String reason) {
            LOG.log(INFO, () -> "AES-GCM comes from Java, which is slow for the first seconds: " + reason);
        }
    }
}
