package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;

/** By which name is a wait counted? Those of the NBD peer, the second halves of them, and our own. */
public enum WaitName {
    RESOLVE("address"),
    CONNECT("connection"),
    GREETING("greeting"),
    TLS("tls"),
    OPTIONS("options"),
    META_CONTEXT("contexts"),
    EXPORT("export"),
    DISCONNECT("disconnect"),
    BLOCK_STATUS("block-status"),
    READ("read"),
    WRITE("write"),
    ZERO("zero"),
    TRIM("trim"),
    FLUSH("flush"),
    /** Bytes came, but answered nothing yet: from there to the next sign of life. */
    BLOCK_STATUS_REST("rest-of-block-status"),
    READ_REST("rest-of-read"),
    WRITE_REST("rest-of-write"),
    JOURNAL("journal"),
    RATE_LIMIT("rate-limit"),
    BACK_OFF("back-off"),
    PAUSE("pause"),
    OTHERS("other-workers");

    private final String id;

    WaitName(String id) {
        this.id = id;
    }

    public String id() {
        return id;
    }

    static WaitName of(Wait wait) {
        return switch (wait) {
            case RESOLVE -> RESOLVE;
            case CONNECT -> CONNECT;
            case GREETING -> GREETING;
            case TLS -> TLS;
            case OPTIONS -> OPTIONS;
            case META_CONTEXT -> META_CONTEXT;
            case EXPORT -> EXPORT;
            case DISCONNECT -> DISCONNECT;
            case BLOCK_STATUS -> BLOCK_STATUS;
            case READ -> READ;
            case WRITE -> WRITE;
            case ZERO -> ZERO;
            case TRIM -> TRIM;
            case FLUSH -> FLUSH;
        };
    }

    /** The second half of a wait, after something has arrived that was not yet the answer. */
    static WaitName restOf(Wait wait) {
        return switch (wait) {
            case BLOCK_STATUS -> BLOCK_STATUS_REST;
            case READ -> READ_REST;
            case WRITE, ZERO, TRIM, FLUSH -> WRITE_REST;
            case RESOLVE, CONNECT, GREETING, TLS, OPTIONS, META_CONTEXT, EXPORT, DISCONNECT -> of(wait);
        };
    }
}
