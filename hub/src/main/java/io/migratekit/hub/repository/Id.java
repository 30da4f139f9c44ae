package io.migratekit.hub.repository;

import java.util.regex.Pattern;

/** Is this a name that may become a file's? No separator fits in, and it cannot begin with a dot. */
public final class Id {
    private static final Pattern VALID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");

    private Id() {}

    static boolean isValid(String text) {
        return VALID.matcher(text).matches();
    }

    /** The same text, after it was looked at. */
    public static String checked(String what, String text) {
        if (!isValid(text)) {
            throw new RepositoryException.BadRequest(what + " is not valid: 1 to 64 letters, digits, or _ . - after the"
                    + " first character are allowed; choose another one");
        }
        return text;
    }
}
