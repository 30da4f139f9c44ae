package io.migratekit.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * What came of one step of an examination?
 *
 * @param detail what was seen, in a few words; may be empty
 * @param meaning why that is not well, as a sentence; empty if it is
 * @param code how a command ends that meets this; {@link ExitCode#DONE} if it can live with it
 */
record Finding(
        String step,
        Status status,
        Duration took,
        String detail,
        String meaning,
        Optional<String> remedy,
        ExitCode code) {
    private static final int TIME_COLUMNS = 9;

    enum Status {
        OK,
        WARN,
        FAIL,
        NOT_ASKED;

        String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    static Finding ok(String step, Duration took, String detail) {
        return new Finding(step, Status.OK, took, detail, "", Optional.empty(), ExitCode.DONE);
    }

    static Finding failed(String step, Duration took, String detail, String meaning, String remedy, ExitCode code) {
        return new Finding(step, Status.FAIL, took, detail, meaning, Optional.of(remedy), code);
    }

    Finding withMeaning(String words) {
        return new Finding(step, status, took, detail, words, remedy, code);
    }

    /** The same as a line of a report. */
    String line(int nameColumns, String time) {
        String line = "  " + pad(status.word(), 6) + pad(step, nameColumns) + pad(time, TIME_COLUMNS) + detail;
        return line.stripTrailing();
    }

    private static String pad(String text, int columns) {
        return text + " ".repeat(Math.max(1, columns - text.length()));
    }
}
