package io.migratekit.hub.guest;

/** How is any text written into XML? What XML 1.0 cannot hold at all becomes U+FFFD. */
final class Xml {
    private Xml() {}

    /** For an attribute in single or double quotes, or between tags. */
    static String text(String text) {
        StringBuilder xml = new StringBuilder();
        text.codePoints().forEach(c -> {
            switch (c) {
                case '<' -> xml.append("&lt;");
                case '>' -> xml.append("&gt;");
                case '&' -> xml.append("&amp;");
                case '"' -> xml.append("&quot;");
                case '\'' -> xml.append("&apos;");
                case '\n' -> xml.append("&#10;");
                case '\r' -> xml.append("&#13;");
                case '\t' -> xml.append("&#9;");
                default -> xml.appendCodePoint(isAllowed(c) ? c : 0xfffd);
            }
        });
        return xml.toString();
    }

    private static boolean isAllowed(int c) {
        return c >= ' ' && (c < 0xd800 || c > 0xdfff) && c != 0xfffe && c != 0xffff;
    }

    /** What may stand in a comment: no two hyphens in a row. */
    static String comment(String text) {
        return Plain.line(text).replaceAll("-(?=-)|-$", "- ");
    }
}
