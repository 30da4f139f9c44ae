package io.migratekit.hub.api;

import io.migratekit.hub.api.Route.Access;
import io.migratekit.hub.api.Route.Way;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What is the page that a person looks at? A few files, the same for everybody: the data come through the API, as its script asks for
 * them. Nothing comes from elsewhere and nothing goes there, and no text can become a script.
 */
final class Page {
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
            + " require-trusted-types-for 'script'; trusted-types 'none'";

    private Page() {}

    static List<Route> routes() {
        return List.of(
                route("/", "page.html", "text/html"),
                route("/page.css", "page.css", "text/css"),
                route("/page.js", "page.js", "text/javascript"),
                route("/page-words.js", "page-words.js", "text/javascript"),
                route("/page-pictures.js", "page-pictures.js", "text/javascript"),
                route("/page-running.js", "page-running.js", "text/javascript"),
                route("/page-vm.js", "page-vm.js", "text/javascript"),
                route("/page.svg", "page.svg", "image/svg+xml"));
    }

    private static Route route(String path, String file, String type) {
        String content = read(file);
        Reply reply = new Reply(
                200,
                type + "; charset=utf-8",
                content,
                Map.of(
                        "ETag",
                        '"' + hash(content) + '"',
                        "Cache-Control",
                        "no-cache",
                        "Content-Security-Policy",
                        POLICY,
                        "Referrer-Policy",
                        "no-referrer",
                        "Cross-Origin-Opener-Policy",
                        "same-origin",
                        "Cross-Origin-Resource-Policy",
                        "same-origin"));
        return Route.of("GET", path, Access.OPEN, Way.PLAIN, _ -> reply);
    }

    private static String read(String file) {
        try (InputStream in = Page.class.getResourceAsStream(file)) {
            return new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException("the program lacks " + file, e);
        }
    }

    private static String hash(String content) {
        try {
            return HexFormat.of()
                    .formatHex(
                            MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8)),
                            0,
                            16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
