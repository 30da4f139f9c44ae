package io.migratekit.cli;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What can the reader's screen show? Its width in columns, colours, and characters beyond ASCII. */
record Look(int columns, boolean colour, boolean unicode) {
    static final int DEFAULT_COLUMNS = 80;
    private static final int LEAST_COLUMNS = 20;

    Look {
        columns = Math.max(columns, LEAST_COLUMNS);
    }

    /**
     * The look that fits a stream: colours only on a terminal which is not {@code TERM=dumb}, never with
     * {@code NO_COLOR} (no-color.org: set to anything but nothing), block characters only where its charset has them.
     *
     * @param columns of the terminal; 0 where nobody knows, then {@code COLUMNS} or 80
     */
    static Look of(boolean terminal, Charset charset, int columns, Map<String, String> environment) {
        boolean colour = terminal
                && environment.getOrDefault("NO_COLOR", "").isEmpty()
                && !environment.getOrDefault("TERM", "").equals("dumb");
        boolean unicode = charset.equals(StandardCharsets.UTF_8);
        return new Look(columns > 0 ? columns : columns(environment), colour, unicode);
    }

    private static int columns(Map<String, String> environment) {
        String columns = environment.getOrDefault("COLUMNS", "");
        return columns.matches("[1-9][0-9]{0,4}") ? Integer.parseInt(columns) : DEFAULT_COLUMNS;
    }

    String barMarks(Ink ink) {
        return unicode ? ink.barMarks() : ink.asciiMarks();
    }

    String blockMarks(Ink ink) {
        return unicode ? ink.blockMarks() : ink.asciiMarks();
    }
}
