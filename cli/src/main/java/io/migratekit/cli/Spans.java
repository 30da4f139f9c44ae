package io.migratekit.cli;

import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import java.time.Duration;

/**
 * Who else wants to see what a command waits for? Nobody, unless the environment names a receiver for traces, as
 * OpenTelemetry has it; until then nothing of that library is even loaded. Called on several threads; does not block.
 */
interface Spans extends AutoCloseable {
    Spans NONE = new Spans() {};

    /**
     * Those of one run of a command.
     *
     * @param job its id, or nothing
     */
    static Spans of(String command, String job) {
        return isWanted("OTEL_EXPORTER_OTLP_ENDPOINT") || isWanted("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
                ? new OtlpSpans(command, job)
                : NONE;
    }

    private static boolean isWanted(String variable) {
        String value = System.getenv(variable);
        return value != null && !value.isBlank() && !Boolean.parseBoolean(System.getenv("OTEL_SDK_DISABLED"));
    }

    /** This thread waits. */
    default void waiting(String what, Duration atMost) {}

    /** Not any more. */
    default void waited(String what) {}

    /** This thread waits for nothing any more, and something has happened. */
    default void happened(String sentence) {}

    /** The copy of a disk, or the only one, begins. */
    default void copying(String disk) {}

    default void copied(String disk) {}

    default void waitedLong(String disk, SlowWait wait) {}

    default void stalled(String disk, StallReport report) {}

    /** The command will end with this exit code, for this reason. */
    default void failing(int code, String why) {}

    /** It has ended; what was seen is sent, within seconds or not at all. */
    @Override
    default void close() {}
}
