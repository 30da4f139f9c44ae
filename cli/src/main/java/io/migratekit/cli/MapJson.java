package io.migratekit.cli;

import io.migratekit.nbd.Extent;

/** How does a map look as JSON? To the byte as {@code nbdinfo --map --json} prints it. */
final class MapJson implements MapSink {
    private final Out out;
    private final String context;
    private final StringBuilder line = new StringBuilder("[\n");

    MapJson(Appendable out, String context) {
        this.out = new Out(out);
        this.context = context;
    }

    @Override
    public void extent(Extent extent) {
        line.append("{ \"offset\": ").append(extent.offset());
        line.append(", \"length\": ").append(extent.length());
        line.append(", \"type\": ").append(Long.toUnsignedString(extent.flags()));
        description(line, context, extent.flags()).append('}');
        out.print(line);
        line.setLength(0);
        line.append(",\n");
    }

    @Override
    public void end() {
        // What waits in the line belongs before the next extent; only the opening bracket is needed without one.
        out.print(line.charAt(0) == '[' ? "[\n\n]\n" : "\n]\n");
    }

    /** The member "description", which is left out where there is none. Its words need no escaping. */
    static StringBuilder description(StringBuilder line, String context, long flags) {
        String description = ContextNames.description(context, flags);
        return description == null
                ? line
                : line.append(", \"description\": \"").append(description).append('"');
    }
}
