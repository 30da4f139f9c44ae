package io.migratekit.cli;

import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.ProgressView;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who shows how far a long command is? A thread of its own, so that a terminal which is stopped (Ctrl-S) stops nobody
 * else. What others have to say meanwhile goes through {@link #say}, or it would be written into the bar.
 */
final class ProgressDisplay implements AutoCloseable {
    private static final Duration BAR_EVERY = Duration.ofMillis(200);
    private static final Duration JSON_EVERY = Duration.ofSeconds(1);
    private static final Duration LINE_EVERY = Duration.ofSeconds(5);
    /** After the first minute, so that the log of a night does not consist of this. */
    private static final Duration LINE_LATER = Duration.ofSeconds(30);

    private static final Duration BEGINNING = Duration.ofMinutes(1);
    private static final long END_MILLIS = 1000;
    private static final String CLEAR = "\r\u001b[K";

    private final ProgressOptions.Mode mode;
    private final Console console;
    private final Look look;
    private final Supplier<ProgressView> progress;
    private boolean barShown;
    private boolean closed;
    private Motion lastMotion = Motion.MOVING;
    private long nextLineMillis = LINE_EVERY.toMillis();
    private @Nullable Thread thread;

    ProgressDisplay(ProgressOptions.Mode mode, Console console, Look look, Supplier<ProgressView> progress) {
        this.mode = mode;
        this.console = console;
        this.look = look;
        this.progress = progress;
    }

    /** Begins to show. */
    void start() {
        if (mode != ProgressOptions.Mode.NONE) {
            Thread shower = new Thread(this::show, "progress");
            shower.setDaemon(true);
            thread = shower;
            shower.start();
        }
    }

    private void show() {
        Duration every = mode == ProgressOptions.Mode.JSON ? JSON_EVERY : BAR_EVERY;
        try {
            while (true) {
                TimeUnit.NANOSECONDS.sleep(every.toNanos());
                show(progress.get());
            }
        } catch (InterruptedException e) {
            // The end: close() has asked for it.
            return;
        }
    }

    /** Shows this, if it is time to show something. */
    synchronized void show(ProgressView view) {
        if (closed) {
            return;
        }
        switch (mode) {
            case BAR -> draw(view);
            case JSON -> {
                console.out().println(view.json());
                console.out().flush();
            }
            case PLAIN -> line(view);
            case AUTO, NONE -> {}
        }
    }

    private void draw(ProgressView view) {
        console.err().print(CLEAR + ProgressBar.draw(view, look));
        console.err().flush();
        barShown = true;
    }

    /** From time to time, and when it stalls or moves again. */
    private void line(ProgressView view) {
        boolean news = (view.motion() == Motion.STALLED) != (lastMotion == Motion.STALLED);
        long elapsed = view.elapsed().toMillis();
        if (!news && elapsed < nextLineMillis) {
            return;
        }
        lastMotion = view.motion();
        Duration every = view.elapsed().compareTo(BEGINNING) < 0 ? LINE_EVERY : LINE_LATER;
        nextLineMillis = (elapsed / every.toMillis() + 1) * every.toMillis();
        console.say(ProgressText.line(view));
    }

    /** Says a sentence, above the bar if there is one. */
    synchronized void say(String sentence) {
        clear();
        console.say(sentence);
    }

    /** Prints text of several lines, such as a dump, above the bar if there is one. */
    synchronized void print(String text) {
        clear();
        text.lines().map(Printable::of).forEach(console.err()::println);
        console.err().flush();
    }

    private void clear() {
        if (barShown) {
            console.err().print(CLEAR);
            console.err().flush();
            barShown = false;
        }
    }

    /** Ends the show and takes the bar away; if the terminal stands still, without it. */
    @Override
    public void close() {
        Thread shower = thread;
        if (shower != null) {
            shower.interrupt();
            try {
                if (!shower.join(Duration.ofMillis(END_MILLIS))) {
                    return;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        end();
    }

    private synchronized void end() {
        closed = true;
        clear();
    }
}
