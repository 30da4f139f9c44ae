package io.migratekit.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Is stderr a terminal, and how wide is it? The JDK only knows about stdin and stdout, one of which is often a pipe.
 *
 * @param columns 0 if unknown
 */
record ErrorScreen(boolean terminal, int columns) {
    private static final Pattern SIZE = Pattern.compile("[0-9]+ ([0-9]+)\\s*");
    private static final long ANSWER_MILLIS = 300;

    /** Looks at the process's own stderr. */
    static ErrorScreen find() {
        try {
            String where = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
            boolean terminal =
                    where.startsWith("/dev/pts/") || where.startsWith("/dev/tty") || where.equals("/dev/console");
            return new ErrorScreen(terminal, terminal ? columns(new File(where)) : 0);
        } catch (IOException | UnsupportedOperationException e) {
            return new ErrorScreen(false, 0);
        }
    }

    /** Whether a line can be drawn over. */
    boolean canRedraw() {
        return terminal && !"dumb".equals(System.getenv("TERM"));
    }

    private static int columns(File terminal) {
        try {
            Process stty =
                    new ProcessBuilder("stty", "size").redirectInput(terminal).start();
            if (!stty.waitFor(ANSWER_MILLIS, TimeUnit.MILLISECONDS)) {
                stty.destroyForcibly();
                return 0;
            }
            Matcher size = SIZE.matcher(new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
            return size.matches() ? Integer.parseInt(size.group(1)) : 0;
        } catch (IOException | NumberFormatException e) {
            return 0; // No stty, or a terminal of somebody else: then eighty columns will do.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }
}
