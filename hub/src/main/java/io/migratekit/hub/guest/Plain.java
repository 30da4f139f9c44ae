package io.migratekit.hub.guest;

/** What can be shown of a text that anybody may have written? One line, without what would move a cursor. */
final class Plain {
    private Plain() {}

    /** The same text; each control or formatting character and each half of a pair becomes a question mark. */
    static String line(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().forEach(c -> line.appendCodePoint(isShown(c) ? c : '?'));
        return line.toString();
    }

    private static boolean isShown(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }

    /** A name of letters, digits and a few signs that nobody takes for something else; never empty. */
    static String name(String text, String signs) {
        StringBuilder name = new StringBuilder();
        text.codePoints()
                .forEach(c -> name.appendCodePoint(
                        c < 128 && (Character.isLetterOrDigit(c) || signs.indexOf(c) >= 0) ? c : '-'));
        String trimmed = name.toString().replaceAll("^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "");
        return trimmed.isEmpty() ? "restored" : trimmed.substring(0, Math.min(60, trimmed.length()));
    }
}
