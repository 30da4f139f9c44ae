package io.migratekit.cli;

import io.migratekit.agent.watch.ProgressView;
import java.nio.charset.Charset;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** How does the user want to see progress? The option that long commands share. */
final class ProgressOptions {
    /** The ways to show it. */
    enum Mode {
        AUTO,
        BAR,
        PLAIN,
        JSON,
        NONE
    }

    @Option(
            names = "--progress",
            paramLabel = "auto|bar|plain|json|none",
            defaultValue = "auto",
            description = "How to show progress: a bar or plain lines on stderr, or JSON lines on stdout (default:"
                    + " ${DEFAULT-VALUE}, a bar on a terminal).")
    private Mode mode = Mode.AUTO;

    /** Shows progress until it is closed. */
    ProgressDisplay display(Console console, Supplier<ProgressView> progress) {
        // Only a bar has to know the screen, and looking for it may start a program.
        ErrorScreen screen = mode == Mode.AUTO || mode == Mode.BAR ? ErrorScreen.find() : new ErrorScreen(false, 0);
        Mode chosen = mode == Mode.AUTO ? (screen.canRedraw() ? Mode.BAR : Mode.PLAIN) : mode;
        // stdout may be a file in any charset; the bar goes to stderr, which is the terminal.
        Charset charset = System.err.charset();
        Look look = Look.of(screen.terminal(), charset, screen.columns(), System.getenv());
        return new ProgressDisplay(chosen, console, look, progress);
    }
}
