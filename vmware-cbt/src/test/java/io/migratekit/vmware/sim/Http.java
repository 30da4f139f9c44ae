package io.migratekit.vmware.sim;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is asked and answered over HTTP? */
final class Http {
    private Http() {}

    /** A request; names of headers are in lower case. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    record Request(String verb, String target, Map<String, String> headers, byte[] body, int connection) {
        String path() {
            int query = target.indexOf('?');
            return query < 0 ? target : target.substring(0, query);
        }

        String header(String name) {
            return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        }

        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        /** The value of our session cookie. */
        Optional<String> session() {
            for (String cookie : header("cookie").split(";", -1)) {
                String[] pair = cookie.strip().split("=", 2);
                if (pair.length == 2 && pair[0].equals(Sessions.COOKIE)) {
                    return Optional.of(pair[1].replace("\"", ""));
                }
            }
            return Optional.empty();
        }
    }

    /** A part of a file that is the body of an answer. */
    record Part(Path file, long offset, long length) {}

    /** An answer, and what goes wrong while it is sent. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    record Answer(
            int status,
            Map<String, String> headers,
            byte[] body,
            @Nullable Part part,
            List<Trouble> troubles) {
        static Answer text(int status, String type, String body) {
            Map<String, String> headers = new LinkedHashMap<>();
            headers.put("Content-Type", type);
            return new Answer(status, headers, body.getBytes(StandardCharsets.UTF_8), null, List.of());
        }

        static Answer of(Part part, int status) {
            Map<String, String> headers = new LinkedHashMap<>();
            headers.put("Content-Type", "application/octet-stream");
            headers.put("Accept-Ranges", "bytes");
            return new Answer(status, headers, new byte[0], part, List.of());
        }

        Answer with(String header, String value) {
            headers.put(header, value);
            return this;
        }

        Answer with(List<Trouble> more) {
            return new Answer(status, headers, body, part, more);
        }

        long length() {
            return part == null ? body.length : part.length();
        }

        <T extends Trouble> Optional<T> trouble(Class<T> kind) {
            return first(troubles, kind);
        }
    }

    static <T extends Trouble> Optional<T> first(List<Trouble> troubles, Class<T> kind) {
        return troubles.stream().filter(kind::isInstance).map(kind::cast).findFirst();
    }
}
