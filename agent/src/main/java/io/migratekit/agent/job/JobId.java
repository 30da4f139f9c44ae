package io.migratekit.agent.job;

/** What is a job called? A name that the user chose, fit to be the name of a folder. */
public record JobId(String text) implements Comparable<JobId> {
    public static final int LONGEST_BYTES = 64;

    /** Checks the name; a bad one is a {@link JobException.BadId} that says what is wrong with it. */
    public JobId {
        String fault = fault(text);
        if (!fault.isEmpty()) {
            throw new JobException.BadId("the job id '" + printable(text) + "' cannot be used: " + fault
                    + ". A job id consists of the letters A-Z and a-z, digits, '.', '_' and '-', begins with a letter, a"
                    + " digit or '_', and has at most " + LONGEST_BYTES + " characters.");
        }
    }

    @Override
    public int compareTo(JobId other) {
        return text.compareTo(other.text);
    }

    @Override
    public String toString() {
        return text;
    }

    /** Whether a folder of this name can be that of a job. */
    static boolean isValid(String text) {
        return fault(text).isEmpty();
    }

    private static String fault(String text) {
        if (text.isEmpty()) {
            return "it is empty";
        }
        if (text.charAt(0) == '.' || text.charAt(0) == '-') {
            return "it begins with '" + text.charAt(0) + "'";
        }
        for (int i = 0; i < text.length(); i = text.offsetByCodePoints(i, 1)) {
            if (!isPlain(text.charAt(i))) {
                return "it has the character '" + printable(Character.toString(text.codePointAt(i))) + "'";
            }
        }
        return text.length() > LONGEST_BYTES ? "it has " + text.length() + " characters" : "";
    }

    private static boolean isPlain(char c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || c == '.'
                || c == '_'
                || c == '-';
    }

    /** What a terminal can show without being confused, and not too much of it. */
    private static String printable(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints()
                .limit(LONGEST_BYTES + 16L)
                .map(c -> Character.isISOControl(c) ? '?' : c)
                .forEach(shown::appendCodePoint);
        return shown.toString();
    }
}
