package io.migratekit.cli;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which restore points are kept? Each rule may also stand in the configuration, which these beat. */
final class RetentionOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(names = "--keep-last", paramLabel = "N", description = "The N newest, whenever they were taken.")
    private @Nullable Integer last;

    @Option(
            names = "--keep-hourly",
            paramLabel = "N",
            description = "The newest of each of the last N hours that have one; likewise the next ones.")
    private @Nullable Integer hourly;

    @Option(names = "--keep-daily", paramLabel = "N", description = "Of days, as they are in the hub's time zone.")
    private @Nullable Integer daily;

    @Option(names = "--keep-weekly", paramLabel = "N", description = "Of weeks, which begin on Monday.")
    private @Nullable Integer weekly;

    @Option(names = "--keep-monthly", paramLabel = "N", description = "Of months.")
    private @Nullable Integer monthly;

    @Option(names = "--keep-yearly", paramLabel = "N", description = "Of years.")
    private @Nullable Integer yearly;

    @Option(
            names = "--keep-within",
            paramLabel = "TIME",
            converter = Times.class,
            description = "All that are not older than the newest good one by more than this, such as 36h or 14d.")
    private @Nullable Duration within;

    RetentionRules rules() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        put(counts, "last", last);
        put(counts, "hourly", hourly);
        put(counts, "daily", daily);
        put(counts, "weekly", weekly);
        put(counts, "monthly", monthly);
        put(counts, "yearly", yearly);
        return new RetentionRules(counts, within);
    }

    private void put(Map<String, Integer> counts, String rule, @Nullable Integer count) {
        if (count == null) {
            return;
        }
        if (count < 0 || count > RetentionRules.MOST) {
            throw new ParameterException(
                    mixee.commandLine(), "--keep-" + rule + " has to be from 0 to " + RetentionRules.MOST);
        }
        counts.put(rule, count);
    }
}
