package io.migratekit.cli;

import java.text.MessageFormat;
import java.util.Locale;
import java.util.ResourceBundle;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where do the modules' log lines go? To stderr like everything that is said, above the progress bar if there is one.
 * The JVM makes the finder, so what it prints to is a matter of the whole process.
 */
public final class ConsoleLog extends System.LoggerFinder {
    private static volatile @Nullable Consumer<String> sink;
    private static volatile boolean detailed;

    /** For the JVM. */
    public ConsoleLog() {}

    /** Log lines go here from now on. */
    static void to(Consumer<String> newSink) {
        sink = newSink;
    }

    /** Details and stack traces, too. */
    static void inDetail() {
        detailed = true;
    }

    @Override
    public System.Logger getLogger(String name, Module module) {
        return new Line(name);
    }

    private record Line(String getName) implements System.Logger {
        @Override
        public boolean isLoggable(Level level) {
            return level.getSeverity() >= (detailed ? Level.DEBUG : Level.INFO).getSeverity() && ours();
        }

        private boolean ours() {
            return getName.startsWith("io.migratekit");
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
            if (!isLoggable(level)) {
                return;
            }
            String line = level == Level.INFO
                    ? String.valueOf(message)
                    : level.getName().toLowerCase(Locale.ROOT) + ": " + message;
            Consumer<String> to = sink;
            if (to == null) {
                System.err.println("migratekit: " + Printable.of(line));
            } else {
                to.accept(line);
            }
            if (thrown != null && detailed) {
                thrown.printStackTrace();
            }
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String format, @Nullable Object... values) {
            log(
                    level,
                    bundle,
                    values == null || values.length == 0
                            ? format
                            : MessageFormat.format(String.valueOf(format), values),
                    (Throwable) null);
        }
    }
}
