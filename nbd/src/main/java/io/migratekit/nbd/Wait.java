package io.migratekit.nbd;

/** What are we waiting for? The name of every wait on an NBD peer, and what silence there usually means. */
public enum Wait {
    RESOLVE("address", "address lookup", "the name server does not answer; try the numeric address"),
    CONNECT(
            "connection",
            "connection",
            "no host answers at that address, or a firewall drops the packets; for a unix socket, the server has"
                    + " stopped accepting"),
    GREETING(
            "greeting",
            "NBD greeting",
            "all client slots of the server are taken (qemu-nbd serves ONE client unless it is started with"
                    + " --shared=N), or the server is frozen, or a tunnel has no live server at its far end"),
    TLS("tls", "TLS handshake", "the server is frozen, or what listens there does not speak TLS"),
    OPTIONS("options", "answer to the option negotiation", "the server greeted and then froze"),
    META_CONTEXT("contexts", "answer to the metadata context request", "the server greeted and then froze"),
    EXPORT("export", "description of the export", "the server froze, or opening the disk behind the export takes long"),
    BLOCK_STATUS(
            "block-status",
            "block status",
            "the server or the storage behind it is slow at listing extents (VMware is, legally: raise"
                    + " --extents-timeout) or frozen"),
    READ("read", "data of a read", "the server, or the storage behind it, is frozen, or the network is cut"),
    WRITE("write", "answer to a write", "the server, or the storage behind it, is frozen, or the network is cut"),
    ZERO("zero", "answer to a zero request", "the server or the storage behind it is busy zeroing, or frozen"),
    TRIM("trim", "answer to a trim request", "the server or the storage behind it is frozen"),
    FLUSH("flush", "answer to a flush", "the storage behind the server is slow at writing its cache, or frozen"),
    DISCONNECT("disconnect", "end of the connection", "the server is frozen");

    private final String id;
    private final String title;
    private final String usualCause;

    Wait(String id, String title, String usualCause) {
        this.id = id;
        this.title = title;
        this.usualCause = usualCause;
    }

    /** A short word for JSON and logs. */
    public String id() {
        return id;
    }

    /** How the wait is called in a sentence: "waiting for the ...". */
    public String title() {
        return title;
    }

    /** What silence at this point usually comes from, and what to do. */
    public String usualCause() {
        return usualCause;
    }

    /** True for the answers to requests, which come after the handshake. */
    public boolean isRequest() {
        return switch (this) {
            case BLOCK_STATUS, READ, WRITE, ZERO, TRIM, FLUSH -> true;
            case RESOLVE, CONNECT, GREETING, TLS, OPTIONS, META_CONTEXT, EXPORT, DISCONNECT -> false;
        };
    }
}
