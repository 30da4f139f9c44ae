package io.migratekit.cli;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;

/** How does a user write a time? As 500ms, 15s, 5m, 2h, 1d; a bare number means seconds. */
final class Times implements CommandLine.ITypeConverter<Duration> {
    private static final Duration LONGEST = Duration.ofDays(36_500);
    private static final Pattern FORM = Pattern.compile("([0-9]{1,9})(?:\\.([0-9]{1,3}))?(ms|s|m|min|h|d|)");

    @Override
    public Duration convert(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new CommandLine.TypeConversionException(
                    "'" + text + "' is not a time; write for instance 500ms, 15s, 5m or 2h");
        }
        long unitMillis = switch (matcher.group(3)) {
            case "ms" -> 1;
            case "m", "min" -> 60_000;
            case "h" -> 3_600_000;
            case "d" -> 86_400_000;
            default -> 1000;
        };
        double number =
                Double.parseDouble(matcher.group(1) + "." + (matcher.group(2) == null ? "0" : matcher.group(2)));
        if (number * unitMillis > LONGEST.toMillis()) {
            throw new CommandLine.TypeConversionException("'" + text + "' is longer than a hundred years");
        }
        return Duration.ofMillis(Math.round(number * unitMillis));
    }
}
