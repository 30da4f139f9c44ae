package io.migratekit.hub.api;

import com.google.gson.JsonObject;
import java.util.Map;

/**
 * What is answered? A status with a content, which is empty for 204; or the action has written the answer itself.
 *
 * @param status 0 if it is written already
 * @param headers besides those that say what the content is
 */
record Reply(int status, String contentType, String content, Map<String, String> headers) {
    static final String JSON = "application/json";

    Reply {
        headers = Map.copyOf(headers);
    }

    Reply(int status, String contentType, String content) {
        this(status, contentType, content, Map.of());
    }

    static Reply json(int status, JsonObject object) {
        return new Reply(status, JSON, object + "\n");
    }

    static Reply text(String contentType, String text) {
        return new Reply(200, contentType, text);
    }

    static Reply nothing() {
        return new Reply(204, "", "");
    }

    static Reply written() {
        return new Reply(0, "", "");
    }

    static Reply problem(Problem problem) {
        return new Reply(problem.status(), "application/problem+json", problem.toJson() + "\n");
    }
}
