package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import org.jspecify.annotations.Nullable;

/**
 * In which layer of the copy is time spent? The name of a layer says what we waited for, never why the other side let
 * us wait; the remedy says where to look next.
 */
public enum Layer {
    SOURCE_CONNECT(
            "source-connect",
            "run `migratekit probe` on the source: it shows the step of the connection that gets no answer"),
    SOURCE_EXTENTS(
            "source-extents",
            "listing extents may legally take minutes (VMware); raise --extents-timeout, or look whether the source's"
                    + " server is frozen"),
    SOURCE_READ("source-read", "look at the server of the source and at the storage behind it (`ps -o stat,wchan`)"),
    TARGET_CONNECT(
            "target-connect",
            "run `migratekit probe` on the target: it shows the step of the connection that gets no answer"),
    TARGET_EXTENTS("target-extents", "look whether the server of the target is frozen (`ps -o stat,wchan`)"),
    TARGET_WRITE(
            "target-write",
            "look at the server of the target and at the storage behind it: frozen, or very slow at writing"),
    TARGET_FLUSH(
            "target-flush",
            "the target is asked to make everything durable: look how busy its disk is (`iostat -x 1`)"),
    TARGET_READ("target-read", "look at the server of the target and at the storage behind it (`ps -o stat,wchan`)"),
    TUNNEL("tunnel", "run `migratekit tunnel check`; connections through the tunnel cannot move before it does"),
    LOCAL("local", "look at this machine: load, memory, and the disk of the state directory (`vmstat 1`)");

    private final String id;
    private final String remedy;

    Layer(String id, String remedy) {
        this.id = id;
        this.remedy = remedy;
    }

    /** How it is called in messages and JSON. */
    public String id() {
        return id;
    }

    /** Where to look when this layer does not move. */
    public String remedy() {
        return remedy;
    }

    /** On which side of the copy it lies; null if on neither. */
    @Nullable
    Side side() {
        return switch (this) {
            case SOURCE_CONNECT, SOURCE_EXTENTS, SOURCE_READ -> Side.SOURCE;
            case TARGET_CONNECT, TARGET_EXTENTS, TARGET_WRITE, TARGET_FLUSH, TARGET_READ -> Side.TARGET;
            case TUNNEL, LOCAL -> null;
        };
    }

    /** The layer to which a wait for a peer on this side belongs. */
    public static Layer of(Side side, Wait wait) {
        boolean source = side == Side.SOURCE;
        return switch (wait) {
            case RESOLVE, CONNECT, GREETING, TLS, OPTIONS, META_CONTEXT, EXPORT, DISCONNECT ->
                source ? SOURCE_CONNECT : TARGET_CONNECT;
            case BLOCK_STATUS -> source ? SOURCE_EXTENTS : TARGET_EXTENTS;
            case READ -> source ? SOURCE_READ : TARGET_READ;
            // Nobody writes to a source; if somebody did, it would better be seen than hidden behind an exception.
            case WRITE, ZERO, TRIM -> TARGET_WRITE;
            case FLUSH -> TARGET_FLUSH;
        };
    }
}
