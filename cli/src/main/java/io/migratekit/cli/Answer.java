package io.migratekit.cli;

/**
 * What came of one question of {@code doctor}?
 *
 * @param evidence what was seen
 * @param remedy what helps; empty for the usual remedy of the check
 */
record Answer(Finding.Status status, String evidence, String remedy, ExitCode code) {
    static Answer ok(String evidence) {
        return new Answer(Finding.Status.OK, evidence, "", ExitCode.DONE);
    }

    /** The job can live with it, but somebody should know. */
    static Answer warn(String evidence) {
        return new Answer(Finding.Status.WARN, evidence, "", ExitCode.DONE);
    }

    static Answer fail(ExitCode code, String evidence) {
        return new Answer(Finding.Status.FAIL, evidence, "", code);
    }

    Answer helpedBy(String words) {
        return new Answer(status, evidence, words, code);
    }
}
