package io.migratekit.nbd;

import java.util.Arrays;

/** What does one block status reply say from a position on? Accepts every legal reply, and no other. */
final class StatusReply {
    private StatusReply() {}

    /** Pairs of length and flags in the given context, the first beginning exactly at the position. */
    static long[] from(NbdConnection connection, Request request, String context, long position) {
        Request.Status status = null;
        for (Request.Status candidate : request.statuses()) {
            if (candidate.context.equals(context)) {
                status = candidate;
                break;
            }
        }
        if (status == null) {
            throw broken(connection, position, "its answer does not mention " + context);
        }
        return from(connection, status, position);
    }

    private static long[] from(NbdConnection connection, Request.Status status, long position) {
        long[] pairs = status.lengthsAndFlags;
        for (int i = 0; i + 1 < pairs.length; i += 2) {
            if (pairs[i] <= 0) {
                throw broken(connection, position, "its answer holds an extent of length " + pairs[i]);
            }
        }
        // The question may have been widened to the server's block size, so the answer may begin before the position.
        long skip = position - status.offset;
        int first = 0;
        while (skip >= 0 && first + 1 < pairs.length && pairs[first] <= skip) {
            skip -= pairs[first];
            first += 2;
        }
        if (skip < 0 || first + 1 >= pairs.length) {
            throw broken(connection, position, "its answer covers nothing of the range");
        }
        long[] rest = Arrays.copyOfRange(pairs, first, pairs.length / 2 * 2);
        rest[0] -= skip;
        return rest;
    }

    private static NbdException broken(NbdConnection connection, long position, String what) {
        return new NbdException.RequestFailed(
                connection.uri() + ": the server was asked for the block status at " + position + ", but " + what
                        + ". That breaks the protocol.",
                0);
    }
}
