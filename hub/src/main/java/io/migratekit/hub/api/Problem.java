package io.migratekit.hub.api;

import com.google.gson.JsonObject;

/** What is told to a client whose request cannot be fulfilled? Problem details as RFC 9457 has them. */
final class Problem extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final String TYPE = "urn:migratekit:hub:";

    private final int status;
    private final String word;

    /** The word is for programs and stable, the detail for people: what, where, why, and what to do. */
    Problem(int status, String word, String detail) {
        super(detail);
        this.status = status;
        this.word = word;
    }

    static Problem badRequest(String detail) {
        return new Problem(400, "bad-request", detail);
    }

    int status() {
        return status;
    }

    JsonObject toJson() {
        JsonObject object = new JsonObject();
        object.addProperty("type", TYPE + word);
        object.addProperty("title", word.replace('-', ' '));
        object.addProperty("status", status);
        object.addProperty("detail", String.valueOf(getMessage()));
        return object;
    }
}
