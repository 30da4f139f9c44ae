package io.migratekit.hub.guest;

/** How is any text written so that a shell takes it for one word, or for nothing at all? */
final class Shell {
    private Shell() {}

    /** One word, whatever is in it. No argument of a program can hold a zero byte, so these go. */
    static String word(String text) {
        String whole = text.replace("\0", "");
        return whole.matches("[A-Za-z0-9_@%+=:,./-]+") ? whole : "'" + whole.replace("'", "'\\''") + "'";
    }

    /** What may stand behind a # until the end of a line. */
    static String comment(String text) {
        return Plain.line(text);
    }
}
