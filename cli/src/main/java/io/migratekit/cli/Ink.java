package io.migratekit.cli;

/**
 * How is one kind of extent drawn? With marks from "a little of the cell" to "all of it", for the bar, the block
 * picture and a terminal with ASCII only; and with one colour on every medium.
 *
 * @param ansi the colour of the 256 of a terminal, in the foreground, readable on dark and on light
 * @param ansiUnder the same colour darker, as background below the mark of another kind
 * @param light the colour of the SVG on a light page, {@code dark} on a dark one
 * @param ground true for what a picture is drawn upon: nothing is there, so it gets no colour below other marks
 */
record Ink(
        String barMarks,
        String blockMarks,
        String asciiMarks,
        int ansi,
        int ansiUnder,
        String light,
        String dark,
        boolean ground) {

    /** Blue; the eye goes there first: data, or the layer on top. */
    static final Ink SOLID = new Ink("▁▂▃▄▅▆▇█", "░▒▓█", ":+*#", 33, 25, "#2f6fed", "#5b9bff", false);
    /** The same in orange, for what has changed. */
    static final Ink CHANGED = new Ink("▁▂▃▄▅▆▇█", "░▒▓█", ":+*#", 208, 130, "#e8650a", "#ff9a4d", false);
    /** Space is taken, but it reads as zeroes. */
    static final Ink ZEROES = new Ink("╌─", "╌─", "-=", 73, 23, "#7cc9bd", "#2f7d74", false);
    /** A hole that need not read as zeroes: nobody knows what is there. */
    static final Ink UNDEFINED = new Ink("?", "?", "?", 178, 94, "#e0a100", "#f2c14e", false);
    /** Nothing is there. */
    static final Ink GROUND = new Ink("·", "·", ".", 244, 0, "#e6e9ee", "#2a303a", true);
    /** What is beyond the palette. */
    static final Ink OTHER = new Ink("~", "~", "~", 245, 238, "#8a93a3", "#8a93a3", false);

    private static final int[] ANSI = {99, 134, 169, 203, 208, 178, 184, 112, 41};
    private static final int[] ANSI_UNDER = {54, 90, 89, 88, 130, 94, 58, 64, 22};
    private static final String[] LIGHT = {
        "#7444e0", "#a63ad1", "#d6338a", "#e5484d", "#ee7420", "#dba008", "#a9b80f", "#5aa82b", "#149a64"
    };
    private static final String[] DARK = {
        "#9b7bff", "#c77dee", "#f06bb0", "#ff7a7e", "#ff9a52", "#f5c542", "#d0dc4c", "#8bd35c", "#3ecf95"
    };
    /** How many inks {@link #numbered} has. */
    static final int NUMBERED = ANSI.length;

    /** One of a row of colours that goes on where {@link #SOLID} begins: violet, purple, pink, red, ... green. */
    static Ink numbered(int index, String mark) {
        return new Ink(mark, mark, mark, ANSI[index], ANSI_UNDER[index], LIGHT[index], DARK[index], false);
    }
}
