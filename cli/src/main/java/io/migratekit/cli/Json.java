package io.migratekit.cli;

import java.util.HexFormat;

/**
 * How is a text written in JSON? The short commands print a handful of fields, for which a JSON
 * library would cost more time to start than the whole command takes.
 */
final class Json {
    private Json() {}

    /** The text in quotes, with everything escaped that has to be. */
    static String quote(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (Printable.commands(c)) {
                quoted.append("\\u").append(HexFormat.of().toHexDigits(c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
