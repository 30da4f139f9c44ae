package io.migratekit.cli;

import io.migratekit.agent.copy.CopyLimits;
import java.time.Duration;
import picocli.CommandLine;

/** How often is a checkpoint made? After so many bytes or after so long, whichever comes first. */
record CheckpointEvery(long bytes, Duration time) {
    private static final long FEWEST_BYTES = 1 << 20;
    private static final Duration SHORTEST = Duration.ofSeconds(1);

    /** How does a user write it? As a size or as a time; the other one stays as it is by default. */
    static final class Converter implements CommandLine.ITypeConverter<CheckpointEvery> {
        @Override
        public CheckpointEvery convert(String text) {
            if (text.matches("[0-9].*(s|m|min|h|d)")) {
                Duration time = new Times().convert(text);
                require(time.compareTo(SHORTEST) >= 0, text, "less than 1s");
                return new CheckpointEvery(CopyLimits.DEFAULT.checkpointBytes(), time);
            }
            require(
                    text.matches("[0-9]+([KMGTPkmgtp]([iI][bB])?)?"),
                    text,
                    "neither a size nor a time: write for instance 256M or 30s");
            long bytes = new SizeConverter().convert(text);
            require(bytes >= FEWEST_BYTES, text, "less than 1M");
            return new CheckpointEvery(bytes, CopyLimits.DEFAULT.checkpointEvery());
        }

        private static void require(boolean sound, String text, String fault) {
            if (!sound) {
                throw new CommandLine.TypeConversionException("'" + text + "' is " + fault);
            }
        }
    }
}
