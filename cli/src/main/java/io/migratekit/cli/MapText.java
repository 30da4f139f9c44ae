package io.migratekit.cli;

import io.migratekit.nbd.Extent;

/** How does a map look as text? One line per extent, to the byte as {@code nbdinfo --map} prints it. */
final class MapText implements MapSink {
    private static final int OFFSET_COLUMNS = 10;
    private static final int LENGTH_COLUMNS = 10;
    private static final int TYPE_COLUMNS = 3;

    private final Out out;
    private final String context;
    private final StringBuilder line = new StringBuilder();

    MapText(Appendable out, String context) {
        this.out = new Out(out);
        this.context = context;
    }

    @Override
    public void extent(Extent extent) {
        line.setLength(0);
        padded(line, Long.toString(extent.offset()), OFFSET_COLUMNS).append("  ");
        padded(line, Long.toString(extent.length()), LENGTH_COLUMNS).append("  ");
        padded(line, Long.toUnsignedString(extent.flags()), TYPE_COLUMNS);
        String description = ContextNames.description(context, extent.flags());
        if (description != null) {
            line.append("  ").append(description);
        }
        out.print(line.append('\n'));
    }

    @Override
    public void end() {
        // Every line was printed when its extent came; an empty disk prints none.
    }

    /** Right-aligned; by hand because a format string per line would dominate the time of a map of millions of lines. */
    static StringBuilder padded(StringBuilder line, String word, int columns) {
        return line.repeat(' ', Math.max(0, columns - word.length())).append(word);
    }
}
