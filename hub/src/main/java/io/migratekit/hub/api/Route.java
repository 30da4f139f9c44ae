package io.migratekit.hub.api;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which operation of the contract is this, who may call it, and how is it carried out?
 *
 * @param path with names in braces, as the contract writes it
 * @param takes the type of its content
 * @param query the parameters that may stand behind a question mark
 */
record Route(String method, String path, Access access, Way way, Action action, String takes, Set<String> query) {
    /** Who may. */
    enum Access {
        /** Anybody, without a token. */
        OPEN,
        /** Every token; an agent's sees its own VMs. */
        LOOK,
        /** An administrator, and an agent for its own VMs. */
        WRITE,
        /** An administrator. */
        ADMIN
    }

    /** How the content comes and how long it may take. */
    enum Way {
        /** No content, short. */
        PLAIN,
        /** JSON, short. */
        JSON,
        /** JSON, or nothing; may take long: the client hears of it meanwhile. */
        LONG,
        /** Streams in or out, in a thread of its own. */
        STREAM
    }

    /** What is done. */
    interface Action {
        Reply answer(Call call) throws java.io.IOException;
    }

    static Route of(String method, String path, Access access, Way way, Action action) {
        return new Route(method, path, access, way, action, Reply.JSON, Set.of());
    }

    Route taking(String contentType) {
        return new Route(method, path, access, way, action, contentType, query);
    }

    Route asking(String... names) {
        return new Route(method, path, access, way, action, takes, Set.of(names));
    }

    /** The parts of this path that the braces stand for; empty if it is another path. */
    Optional<Map<String, String>> match(String asked) {
        String[] own = path.split("/", -1);
        String[] theirs = asked.split("/", -1);
        if (own.length != theirs.length) {
            return Optional.empty();
        }
        Map<String, String> parts = new HashMap<>();
        for (int i = 0; i < own.length; i++) {
            if (own[i].startsWith("{")) {
                parts.put(own[i].substring(1, own[i].length() - 1), theirs[i]);
            } else if (!own[i].equals(theirs[i])) {
                return Optional.empty();
            }
        }
        return Optional.of(parts);
    }
}
