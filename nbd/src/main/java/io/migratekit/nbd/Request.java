package io.migratekit.nbd;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was asked of the server, and is the answer here? Made by {@link NbdConnection}, pending until
 * a later poll finds its answer. A buffer belongs to the request until then.
 */
public final class Request {
    /** How one context describes the disk from an offset on: pairs of length and flags. */
    static final class Status {
        final String context;
        final long offset;
        final long[] lengthsAndFlags;

        Status(String context, long offset, long[] lengthsAndFlags) {
            this.context = context;
            this.offset = offset;
            this.lengthsAndFlags = lengthsAndFlags;
        }
    }

    private static final int MOST_CONTEXTS = 100;

    private final Wait kind;
    private final long offset;
    private final long length;
    private final List<Status> statuses = new ArrayList<>(1);
    private @Nullable Object tag;
    private boolean done;
    private @Nullable NbdException failure;

    Request(Wait kind, long offset, long length) {
        this.kind = kind;
        this.offset = offset;
        this.length = length;
    }

    /** Which wait this request is: READ, WRITE, ZERO, TRIM, FLUSH or BLOCK_STATUS. */
    public Wait kind() {
        return kind;
    }

    public long offset() {
        return offset;
    }

    public long length() {
        return length;
    }

    /** What the caller wants to find again when the answer is here. */
    public @Nullable Object tag() {
        return tag;
    }

    public Request tag(Object newTag) {
        tag = newTag;
        return this;
    }

    /** True when the answer has come, good or bad; the buffer is free again. */
    public boolean isDone() {
        return done;
    }

    /** Why it failed; null if it went well or is still pending. */
    public @Nullable NbdException failure() {
        return failure;
    }

    void finish(@Nullable NbdException why) {
        done = true;
        failure = why;
    }

    /** Only the first word on each context counts; a server that goes on talking must not take our memory. */
    void addStatus(Status status) {
        boolean known = statuses.size() >= MOST_CONTEXTS
                || statuses.stream().anyMatch(earlier -> earlier.context.equals(status.context));
        if (!known) {
            statuses.add(status);
        }
    }

    List<Status> statuses() {
        return statuses;
    }

    @Override
    public String toString() {
        return kind == Wait.FLUSH ? "flush" : kind.id() + " of " + length + " bytes at " + offset;
    }
}
