package io.migratekit.cli;

import java.util.HexFormat;

/** What may a terminal be sent of what a server said? Everything but what would command the terminal. */
final class Printable {
    private Printable() {}

    /** The text with control characters, and those that turn the direction of writing, spelt out as {@code \\u001b}. */
    static String of(String text) {
        if (text.chars().noneMatch(c -> commands((char) c))) {
            return text;
        }
        StringBuilder safe = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (commands(c)) {
                safe.append("\\u").append(HexFormat.of().toHexDigits(c));
            } else {
                safe.append(c);
            }
        }
        return safe.toString();
    }

    /** The same for text of several lines. */
    static String lines(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        text.lines().forEach(line -> safe.append(of(line)).append('\n'));
        return safe.toString();
    }

    static boolean commands(char c) {
        return Character.isISOControl(c) || (c >= '\u202a' && c <= '\u202e') || (c >= '\u2066' && c <= '\u2069');
    }
}
