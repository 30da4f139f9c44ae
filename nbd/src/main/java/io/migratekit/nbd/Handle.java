package io.migratekit.nbd;

import static io.migratekit.nbd.libnbd.Libnbd.*;

import io.migratekit.nbd.libnbd.nbd_completion_callback;
import io.migratekit.nbd.libnbd.nbd_context_callback;
import io.migratekit.nbd.libnbd.nbd_extent_callback;
import io.migratekit.nbd.libnbd.nbd_list_callback;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One libnbd handle: the only caller of the bindings, and {@link #step} is the only place in which
 * the data path blocks.
 *
 * <p>Belongs to the platform thread that made it: libnbd keeps the last error per operating system
 * thread, and a virtual thread would pin its carrier. Buffers given to commands must outlive them;
 * everything that libnbd may still call or write to lives until {@link #close}.
 */
final class Handle implements AutoCloseable {
    /** The largest request for extents without 64-bit extended headers, a multiple of 1 MiB. */
    static final long LARGEST_32BIT_STATUS = 0xFFF0_0000L;

    /** How long the greeting of a server is: magic, version, flags. */
    static final int GREETING_BYTES = 18;

    private static final int FAILED = -1;
    private static final int ENOTSUP = 95;

    /** Takes what a block status reply says: pairs of length and flags, for one context. */
    interface StatusSink {
        void extents(long request, String context, long offset, long[] lengthsAndFlags);
    }

    /** Whether the handle is in the hands of the thread that connects by name. */
    private enum Lent {
        NO,
        OUT,
        ABANDONED
    }

    private final AtomicReference<Lent> lent = new AtomicReference<>(Lent.NO);
    private final Thread owner = Thread.currentThread();
    private final Arena arena = Arena.ofConfined();
    private final Posix.Poller poller = new Posix.Poller(arena, 1);
    private final MemorySegment nbd;
    private final ByteArrayOutputStream firstBytes = new ByteArrayOutputStream(2 * GREETING_BYTES);
    private @Nullable MemorySegment statusStub;
    private boolean received;
    private @Nullable MemorySegment optionDoneStub;
    private @Nullable MemorySegment listStub;
    private @Nullable MemorySegment contextStub;
    private BiConsumer<String, String> onExport = (name, description) -> {};
    private Consumer<String> onContext = name -> {};
    private @Nullable StatusSink statusSink;
    private @Nullable TlsWatch tlsWatch;
    private int optionError;
    private boolean optionPending;
    private boolean closed;

    Handle(String name) {
        if (owner.isVirtual()) {
            throw new IllegalStateException("an NBD connection needs a platform thread");
        }
        Library.load();
        nbd = nbd_create();
        if (nbd.address() == 0) {
            arena.close();
            throw lastError();
        }
        check(nbd_set_handle_name(nbd, c(name)));
        check(nbd_set_strict_mode(
                nbd,
                LIBNBD_STRICT_COMMANDS()
                        | LIBNBD_STRICT_FLAGS()
                        | LIBNBD_STRICT_BOUNDS()
                        | LIBNBD_STRICT_ALIGN()
                        | Library.STRICT_AUTO_FLAG));
        check(nbd_set_request_block_size(nbd, true));
        // A short reply is caught when the command is retired, so buffers need not be cleared before each read.
        check(nbd_set_pread_initialize(nbd, false));
    }

    String version() {
        return string(nbd_get_version(nbd));
    }

    // ---- settings

    void optionMode() {
        check(nbd_set_opt_mode(nbd, true));
        check(nbd_set_full_info(nbd, true));
    }

    void exportName(String name) {
        try (Arena call = Arena.ofConfined()) {
            check(nbd_set_export_name(nbd, call.allocateFrom(name)));
        }
    }

    void addContext(String name) {
        check(nbd_add_meta_context(nbd, c(name)));
    }

    void clearContexts() {
        check(nbd_clear_meta_contexts(nbd));
    }

    boolean canTls() {
        return nbd_supports_tls(nbd) == 1;
    }

    /** Whether certificates can be checked over a socket of ours: libnbd 1.22 and later. */
    static boolean canCheckHostNameOverSocket() {
        return Library.SET_TLS_HOSTNAME.isPresent();
    }

    void requireTls(NbdUri.Tls tls) {
        check(nbd_set_tls(nbd, LIBNBD_TLS_REQUIRE()));
        check(nbd_set_tls_verify_peer(nbd, tls.verifyPeer()));
        // libnbd would ask for the login name, which a service has not got.
        tls.userName()
                .or(() -> tls.pskFile().map(keys -> System.getProperty("user.name")))
                .ifPresent(name -> check(nbd_set_tls_username(nbd, c(name))));
        tls.pskFile().ifPresent(file -> check(nbd_set_tls_psk_file(nbd, c(file))));
        tls.certificates().ifPresent(folder -> check(nbd_set_tls_certificates(nbd, c(folder))));
    }

    void tlsHostName(String name) {
        MethodHandle call = Library.SET_TLS_HOSTNAME.orElseThrow();
        try {
            check((int) call.invokeExact(nbd, c(name)));
        } catch (LibnbdError e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libnbd cannot throw", t);
        }
    }

    // ---- connecting

    /** Waits for the first byte (or the end) on a socket that libnbd does not have yet; true if it came. */
    boolean awaitFirstByte(int fd, int millis) {
        if (poller.poll(fd, Posix.POLLIN, millis) == 0) {
            return false;
        }
        firstBytes.writeBytes(Posix.peek(fd));
        return true;
    }

    /** Hands over a connected socket; libnbd owns and closes it from here on. */
    void connectSocket(int fd) {
        watched(() -> nbd_aio_connect_socket(nbd, fd));
    }

    /** The owner lets another thread call {@link #connectTcp}; should it close the handle before, that thread ends it. */
    void lend() {
        checkOwner();
        lent.set(Lent.OUT);
    }

    /**
     * Lets libnbd connect itself, which is the only way in which libnbd before 1.22 checks whose
     * certificate it is shown. Looks the name up without a limit: the one call which another thread
     * than the owner makes, so that the owner can wait for it with a limit; {@link #lend} comes first.
     */
    void connectTcp(String host, int port) {
        MemorySegment name = arenaOfOtherThread(host);
        MemorySegment service = arenaOfOtherThread(Integer.toString(port));
        try {
            if (nbd_aio_connect_tcp(nbd, name, service) == FAILED) {
                throw lastError();
            }
        } finally {
            if (!lent.compareAndSet(Lent.OUT, Lent.NO)) {
                nbd_close(nbd); // The owner did not wait for us and left the end of the handle to us.
            }
        }
    }

    private static MemorySegment arenaOfOtherThread(String text) {
        return Arena.ofAuto().allocateFrom(text);
    }

    /** libnbd's name of where the connection stands, such as {@code MAGIC.RECV_MAGIC}. */
    String state() {
        MemorySegment text = nbd_connection_state(checkOwner());
        String state = text.address() == 0 ? "unknown" : text.getString(0);
        int colon = state.indexOf(':');
        return colon < 0 ? state : state.substring(0, colon);
    }

    boolean isReady() {
        return !closed && nbd_aio_is_ready(nbd) == 1;
    }

    boolean isNegotiating() {
        return !closed && nbd_aio_is_negotiating(nbd) == 1;
    }

    boolean isConnecting() {
        return !closed && nbd_aio_is_connecting(nbd) == 1;
    }

    boolean isOver() {
        return closed || nbd_aio_is_dead(nbd) == 1 || nbd_aio_is_closed(nbd) == 1;
    }

    /** The socket, or -1 when there is none (any more). */
    int descriptor() {
        return isOver() ? -1 : nbd_aio_get_fd(checkOwner());
    }

    /**
     * Waits for the socket, at most so long, and lets libnbd do what it can. True if something
     * moved, which is the sign of life that all limits are measured from.
     */
    boolean step(int millis) {
        int happened = poller.poll(nbd_aio_get_fd(checkOwner()), events(), millis);
        if (happened == 0) {
            return false;
        }
        react(happened);
        return true;
    }

    /** What libnbd wants to know of its socket: a mask for poll(2). */
    int events() {
        int direction = nbd_aio_get_direction(checkOwner());
        return ((direction & LIBNBD_AIO_DIRECTION_READ()) != 0 ? Posix.POLLIN : 0)
                | ((direction & LIBNBD_AIO_DIRECTION_WRITE()) != 0 ? Posix.POLLOUT : 0);
    }

    /** Until it is replaced by null, this watch is told when libnbd works. */
    void watchedBy(@Nullable TlsWatch watch) {
        tlsWatch = watch;
    }

    /** True once the connection that libnbd has begun is made or has failed; waits for it, at most so long. */
    boolean awaitConnected(int millis) {
        return poller.poll(nbd_aio_get_fd(checkOwner()), Posix.POLLOUT, millis) != 0;
    }

    /** Lets libnbd do what it can, after poll(2) has reported this of its socket. */
    void react(int happened) {
        int wanted = events();
        boolean writing = (wanted & Posix.POLLOUT) != 0;
        // Only one of the two, reading first: it may change the state so that the other one is not allowed.
        // An error or hang-up goes to whichever is allowed, for then the system call behind it tells the reason.
        boolean read = (wanted & Posix.POLLIN) != 0 && ((happened & ~Posix.POLLOUT) != 0 || !writing);
        if (read && firstBytes.size() > 0 && firstBytes.size() < GREETING_BYTES) {
            firstBytes.writeBytes(Posix.peek(nbd_aio_get_fd(nbd)));
        }
        received = read;
        watched(() -> read ? nbd_aio_notify_read(nbd) : nbd_aio_notify_write(nbd));
    }

    /** Whether what moved last came from the peer. */
    boolean received() {
        return received;
    }

    /** Calls what may run through a TLS handshake. */
    private void watched(IntSupplier call) {
        TlsWatch watch = tlsWatch;
        if (watch == null) {
            check(call.getAsInt());
            return;
        }
        watch.enter();
        try {
            check(call.getAsInt());
        } finally {
            watch.leave();
        }
    }

    /**
     * The first bytes that came from the other side, the greeting's if so many came: libnbd reads
     * several answers at one go, so its state does not tell how far a peer got that failed. Known only
     * for sockets that went through {@link #awaitFirstByte}.
     */
    byte[] firstBytes() {
        return firstBytes.toByteArray();
    }

    // ---- options

    /** Starts asking for the export; with {@code go} the handshake ends there. */
    void startExport(boolean go) {
        startOption();
        MemorySegment done = optionDone();
        issue(() -> go ? nbd_aio_opt_go(nbd, done) : nbd_aio_opt_info(nbd, done));
    }

    void startList(BiConsumer<String, String> export) {
        startOption();
        onExport = export;
        MemorySegment stub = listStub;
        if (stub == null) {
            stub = nbd_list_callback.callback.allocate(
                    (user, name, description) -> {
                        try {
                            onExport.accept(string(name), string(description));
                            return 0;
                        } catch (Throwable t) {
                            return FAILED;
                        }
                    },
                    arena);
            listStub = stub;
        }
        MemorySegment callback = struct(stub);
        issue(() -> nbd_aio_opt_list(nbd, callback, optionDone()));
    }

    void startListContexts(Consumer<String> context) {
        startOption();
        onContext = context;
        MemorySegment stub = contextStub;
        if (stub == null) {
            stub = nbd_context_callback.callback.allocate(
                    (user, name) -> {
                        try {
                            onContext.accept(string(name));
                            return 0;
                        } catch (Throwable t) {
                            return FAILED;
                        }
                    },
                    arena);
            contextStub = stub;
        }
        MemorySegment callback = struct(stub);
        issue(() -> nbd_aio_opt_list_meta_context(nbd, callback, optionDone()));
    }

    void startAbort() {
        check(nbd_aio_opt_abort(checkOwner()));
    }

    boolean optionPending() {
        return optionPending;
    }

    /** Whether the server answered the last option by not knowing it. */
    boolean optionWasUnknown() {
        return optionError == ENOTSUP;
    }

    /** Call when the option is no longer pending: throws if the server answered it with an error. */
    void optionResult() {
        if (optionError != 0) {
            // libnbd's text for this error was set on this thread while the answer was read.
            MemorySegment text = nbd_get_error();
            throw new LibnbdError(text.address() == 0 ? "refused" : withoutCallName(text.getString(0)), optionError);
        }
    }

    /** An option that libnbd does not even send, as to a server too old for it, is answered by that. */
    private void issue(IntSupplier call) {
        try {
            check(call.getAsInt());
        } catch (LibnbdError e) {
            optionPending = false;
            optionError = e.errno();
            throw e;
        }
    }

    private void startOption() {
        checkOwner();
        optionError = 0;
        optionPending = true;
    }

    private MemorySegment optionDone() {
        MemorySegment stub = optionDoneStub;
        if (stub == null) {
            stub = nbd_completion_callback.callback.allocate(
                    (user, error) -> {
                        try {
                            optionError = error.reinterpret(4).get(ValueLayout.JAVA_INT, 0);
                            optionPending = false;
                        } catch (Throwable t) {
                            // Leaving an upcall with an exception would end the JVM; the wait's limit will tell.
                        }
                        return 0;
                    },
                    arena);
            optionDoneStub = stub;
        }
        return struct(stub);
    }

    // ---- what the handshake told: negative means that it did not

    int flag(ExportInfo.Flag flag) {
        checkOwner();
        return switch (flag) {
            case ROTATIONAL -> nbd_is_rotational(nbd);
            case READ_ONLY -> nbd_is_read_only(nbd);
            case CACHE -> nbd_can_cache(nbd);
            case DF -> nbd_can_df(nbd);
            case FAST_ZERO -> nbd_can_fast_zero(nbd);
            case FLUSH -> nbd_can_flush(nbd);
            case FUA -> nbd_can_fua(nbd);
            case MULTI_CONN -> nbd_can_multi_conn(nbd);
            case TRIM -> nbd_can_trim(nbd);
            case ZERO -> nbd_can_zero(nbd);
        };
    }

    boolean hasContext(String name) {
        try (Arena call = Arena.ofConfined()) {
            return nbd_can_meta_context(checkOwner(), call.allocateFrom(name)) == 1;
        }
    }

    long size() {
        long size = nbd_get_size(checkOwner());
        if (size < 0) {
            throw new LibnbdError("the server gives the disk a size of 2^63 bytes or more", 0);
        }
        return size;
    }

    long minimumBlock() {
        return nbd_get_block_size(checkOwner(), LIBNBD_SIZE_MINIMUM());
    }

    long preferredBlock() {
        return nbd_get_block_size(checkOwner(), LIBNBD_SIZE_PREFERRED());
    }

    long maximumBlock() {
        return nbd_get_block_size(checkOwner(), LIBNBD_SIZE_MAXIMUM());
    }

    String protocol() {
        return string(nbd_get_protocol(checkOwner()));
    }

    boolean tlsNegotiated() {
        return nbd_get_tls_negotiated(nbd) == 1;
    }

    boolean structuredReplies() {
        return nbd_get_structured_replies_negotiated(nbd) == 1;
    }

    boolean extendedHeaders() {
        try {
            return Library.EXTENDED_HEADERS.isPresent()
                    && (int) Library.EXTENDED_HEADERS.get().invokeExact(nbd) == 1;
        } catch (Throwable t) {
            throw new AssertionError("libnbd cannot throw", t);
        }
    }

    Optional<String> canonicalName() {
        return owned(nbd_get_canonical_export_name(nbd));
    }

    Optional<String> description() {
        return owned(nbd_get_export_description(nbd));
    }

    // ---- commands: each returns the cookie under which its answer will come

    long read(MemorySegment buffer, long offset) {
        return check(nbd_aio_pread(checkOwner(), buffer, buffer.byteSize(), offset, NULL_CALLBACK, 0));
    }

    long write(MemorySegment buffer, long offset, boolean fua) {
        int flags = fua ? LIBNBD_CMD_FLAG_FUA() : 0;
        return check(nbd_aio_pwrite(checkOwner(), buffer, buffer.byteSize(), offset, NULL_CALLBACK, flags));
    }

    long zero(long offset, long length, boolean mayPunchHole) {
        int flags = mayPunchHole ? 0 : LIBNBD_CMD_FLAG_NO_HOLE();
        return check(nbd_aio_zero(checkOwner(), length, offset, NULL_CALLBACK, flags));
    }

    long trim(long offset, long length) {
        return check(nbd_aio_trim(checkOwner(), length, offset, NULL_CALLBACK, 0));
    }

    long flush() {
        return check(nbd_aio_flush(checkOwner(), NULL_CALLBACK, 0));
    }

    /** Who is told what block status replies say; to be set before the first is asked for. */
    void onStatus(StatusSink sink) {
        statusSink = sink;
    }

    /** Asks for extents; the status sink is told under the given number. */
    long blockStatus(long offset, long length, long number) {
        checkOwner();
        boolean wide = extendedHeaders();
        MemorySegment stub = statusStub;
        if (stub == null) {
            StatusSink sink = Objects.requireNonNull(statusSink);
            stub = nbd_extent_callback.callback.allocate(
                    (user, context, at, entries, count, error) -> {
                        try {
                            sink.extents(user.address(), string(context), at, pairs(entries, count, wide));
                            return 0;
                        } catch (Throwable t) {
                            return FAILED;
                        }
                    },
                    arena);
            statusStub = stub;
        }
        try (Arena call = Arena.ofConfined()) {
            MemorySegment callback = struct(stub, number, call);
            if (!wide) {
                return check(nbd_aio_block_status(nbd, length, offset, callback, NULL_CALLBACK, 0));
            }
            MethodHandle status64 = Library.BLOCK_STATUS_64.orElseThrow();
            return check((long) status64.invokeExact(nbd, length, offset, callback, NULL_CALLBACK, 0));
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError("libnbd cannot throw", t);
        }
    }

    /** The cookie of an answered command, or 0. Ask only while commands are in flight. */
    long peekCompleted() {
        return Math.max(0, nbd_aio_peek_command_completed(checkOwner()));
    }

    /** Takes the answer to a command: throws if it failed. Checks that a read was answered whole. */
    void retire(long cookie) {
        long result = nbd_aio_command_completed(checkOwner(), cookie);
        if (result == FAILED) {
            throw lastError();
        }
        if (result == 0) {
            throw new IllegalStateException("command " + cookie + " is still in flight");
        }
    }

    void startDisconnect() {
        check(nbd_aio_disconnect(checkOwner(), 0));
    }

    /** Ends the handle in whatever state it is; never blocks. Buffers are free afterwards. */
    @Override
    public void close() {
        if (!closed) {
            checkOwner();
            closed = true;
            if (lent.compareAndSet(Lent.OUT, Lent.ABANDONED)) {
                return; // Another thread is inside libnbd. The arena stays behind: only we could close it, and not now.
            }
            nbd_close(nbd);
            arena.close();
        }
    }

    // ---- inside

    /** A callback struct of zeroes: libnbd calls nobody, answers are fetched by cookie. */
    private static final MemorySegment NULL_CALLBACK =
            Arena.global().allocate(nbd_completion_callback.layout()).asReadOnly();

    private MemorySegment struct(MemorySegment stub) {
        return struct(stub, 0, arena);
    }

    /** All four callback structs of libnbd look the same: function, user data, free. */
    private static MemorySegment struct(MemorySegment stub, long user, Arena arena) {
        MemorySegment struct = arena.allocate(nbd_extent_callback.layout());
        nbd_extent_callback.callback(struct, stub);
        nbd_extent_callback.user_data(struct, MemorySegment.ofAddress(user));
        return struct;
    }

    private static long[] pairs(MemorySegment entries, long count, boolean wide) {
        if (wide) {
            return entries.reinterpret(count * 16).toArray(ValueLayout.JAVA_LONG);
        }
        MemorySegment narrow = entries.reinterpret(count * 4);
        long[] pairs = new long[(int) count];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = Integer.toUnsignedLong(narrow.getAtIndex(ValueLayout.JAVA_INT, i));
        }
        return pairs;
    }

    /** Every call on the handle comes from its thread and before the end: libnbd would forgive neither. */
    MemorySegment checkOwner() {
        if (!owner.equals(Thread.currentThread())) {
            throw new IllegalStateException("an NBD connection belongs to the thread that opened it");
        }
        if (closed) {
            throw new IllegalStateException("this NBD connection is closed");
        }
        return nbd;
    }

    private MemorySegment c(String text) {
        return arena.allocateFrom(text);
    }

    private static String string(MemorySegment text) {
        return text.address() == 0 ? "" : text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** A string that libnbd made for us and that we have to free. */
    private static Optional<String> owned(MemorySegment text) {
        if (text.address() == 0) {
            return Optional.empty();
        }
        String copy = string(text);
        Posix.free(text);
        return Optional.of(copy);
    }

    private static int check(int result) {
        if (result == FAILED) {
            throw lastError();
        }
        return result;
    }

    private static long check(long result) {
        if (result == FAILED) {
            throw lastError();
        }
        return result;
    }

    /** Valid only right after a call that returned -1, on the same thread. */
    private static LibnbdError lastError() {
        int errno = nbd_get_errno();
        MemorySegment text = nbd_get_error();
        return new LibnbdError(text.address() == 0 ? "unknown error" : withoutCallName(text.getString(0)), errno);
    }

    /** "nbd_aio_pread: count cannot be 0" becomes "count cannot be 0". */
    private static String withoutCallName(String text) {
        int colon = text.indexOf(": ");
        return colon > 0 && text.startsWith("nbd_") ? text.substring(colon + 2) : text;
    }

    /** The library itself, and those of its functions that not every version has. */
    private static final class Library {
        private static final String SONAME = "libnbd.so.0";
        private static final Optional<SymbolLookup> LOOKUP = lookup();
        static final Optional<MethodHandle> SET_TLS_HOSTNAME =
                optional("nbd_set_tls_hostname", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
        static final Optional<MethodHandle> EXTENDED_HEADERS =
                optional("nbd_get_extended_headers_negotiated", FunctionDescriptor.of(C_INT, C_POINTER));
        /**
         * LIBNBD_STRICT_AUTO_FLAG, which came together with extended headers: once these are negotiated each write has to
         * carry a flag, and without this mode the library refuses ours instead of setting it.
         */
        static final int STRICT_AUTO_FLAG = EXTENDED_HEADERS.isPresent() ? 0x40 : 0;

        static final Optional<MethodHandle> BLOCK_STATUS_64 = optional(
                "nbd_aio_block_status_64",
                FunctionDescriptor.of(
                        C_LONG,
                        C_POINTER,
                        C_LONG,
                        C_LONG,
                        nbd_extent_callback.layout(),
                        nbd_completion_callback.layout(),
                        C_INT));

        static void load() {
            if (LOOKUP.isEmpty()) {
                throw new NbdException.LibraryMissing(
                        "libnbd cannot be loaded (" + SONAME + ")",
                        "Install it: the package is libnbd0 on Debian and Ubuntu, libnbd elsewhere.");
            }
        }

        /** The JVM hides why a library cannot be loaded; that it is not installed is by far the commonest. */
        private static Optional<SymbolLookup> lookup() {
            try {
                return Optional.of(SymbolLookup.libraryLookup(SONAME, Arena.global()));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        }

        private static Optional<MethodHandle> optional(String name, FunctionDescriptor descriptor) {
            return LOOKUP.flatMap(library -> library.find(name))
                    .map(address -> Linker.nativeLinker().downcallHandle(address, descriptor));
        }
    }
}
