package io.migratekit.nbd;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * What did the server say of the export? Everything the handshake told.
 *
 * @param name the server's own name for the export if it gave one, else the one we asked for
 * @param flags what the server said yes or no to; a flag that it was silent about is missing
 */
public record ExportInfo(
        String name,
        Optional<String> description,
        long sizeBytes,
        Map<Flag, Boolean> flags,
        OptionalLong minimumBlockBytes,
        OptionalLong preferredBlockBytes,
        OptionalLong maximumBlockBytes,
        Protocol protocol) {

    /** A property of an export; in the order in which nbdinfo lists them. */
    public enum Flag {
        ROTATIONAL("is_rotational"),
        READ_ONLY("is_read_only"),
        CACHE("can_cache"),
        DF("can_df"),
        FAST_ZERO("can_fast_zero"),
        FLUSH("can_flush"),
        FUA("can_fua"),
        MULTI_CONN("can_multi_conn"),
        TRIM("can_trim"),
        ZERO("can_zero");

        private final String id;

        Flag(String id) {
            this.id = id;
        }

        /** nbdinfo's name of it. */
        public String id() {
            return id;
        }
    }

    /** What was agreed on for the whole connection. */
    public record Protocol(String name, boolean tls, boolean structuredReplies) {}

    /** True only if the server said so. */
    public boolean is(Flag flag) {
        return flags.getOrDefault(flag, false);
    }

    public boolean readOnly() {
        return is(Flag.READ_ONLY);
    }

    /** Whether several connections see each other's writes, so that a copy may be spread over them. */
    public boolean multiConn() {
        return is(Flag.MULTI_CONN);
    }

    /** Requests must be multiples of this and aligned to it. */
    public long requestAlignment() {
        return Math.max(1, minimumBlockBytes.orElse(1));
    }

    static ExportInfo of(Handle handle, String requestedName) {
        Map<Flag, Boolean> flags = new EnumMap<>(Flag.class);
        for (Flag flag : Flag.values()) {
            int answer = handle.flag(flag);
            if (answer >= 0) {
                flags.put(flag, answer == 1);
            }
        }
        return new ExportInfo(
                handle.canonicalName().orElse(requestedName),
                handle.description(),
                handle.size(),
                Map.copyOf(flags),
                positive(handle.minimumBlock()),
                positive(handle.preferredBlock()),
                positive(handle.maximumBlock()),
                new Protocol(handle.protocol(), handle.tlsNegotiated(), handle.structuredReplies()));
    }

    /** The flags that were told, in nbdinfo's order. */
    public Set<Map.Entry<Flag, Boolean>> orderedFlags() {
        return new EnumMap<>(flags).entrySet();
    }

    private static OptionalLong positive(long value) {
        return value > 0 ? OptionalLong.of(value) : OptionalLong.empty();
    }
}
