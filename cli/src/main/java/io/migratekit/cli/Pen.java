package io.migratekit.cli;

import org.jspecify.annotations.Nullable;

/** How do marks get their colours? Collects a line for a terminal and switches colours only where they change. */
final class Pen {
    private static final String RESET = "\u001b[0m";

    private final boolean colour;
    private final StringBuilder line = new StringBuilder();
    private String style = "";

    Pen(boolean colour) {
        this.colour = colour;
    }

    Pen plain(CharSequence text) {
        switchTo("");
        line.append(text);
        return this;
    }

    /** A mark in its colour, upon the darker colour of a kind; null for the terminal's own background. */
    Pen mark(char mark, Ink ink, @Nullable Kind upon) {
        String background =
                upon == null || upon.ink().ground() ? "" : ";48;5;" + upon.ink().ansiUnder();
        switchTo("\u001b[0;38;5;" + ink.ansi() + background + "m");
        line.append(mark);
        return this;
    }

    private void switchTo(String wanted) {
        if (colour && !style.equals(wanted)) {
            line.append(wanted.isEmpty() ? RESET : wanted);
            style = wanted;
        }
    }

    /** The line with its end; the pen is then ready for the next one. */
    String takeLine() {
        switchTo("");
        String taken = line.append('\n').toString();
        line.setLength(0);
        return taken;
    }
}
