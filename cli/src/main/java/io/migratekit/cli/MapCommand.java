package io.migratekit.cli;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.ExtentMap;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Where on the disk is what? Prints the extents of an export, or paints them. */
@Command(
        name = "map",
        description = {
            "Show which parts of an export hold data, zeroes or nothing.",
            "",
            "Text and JSON are those of `nbdinfo --map`. With several contexts each map follows under a line with"
                    + " its name; in JSON they are the members of one object."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class MapCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "URI", description = "The export, e.g. nbd://hub:10809/disk1 .")
    @SuppressWarnings("NullAway.Init")
    private String uri;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(names = "--totals", description = "Print the sum of each type instead of single extents.")
    private boolean totals;

    @Option(
            names = "--context",
            paramLabel = "NAME",
            defaultValue = ConnectSpec.BASE_ALLOCATION,
            description = "Metadata context, such as qemu:allocation-depth or qemu:dirty-bitmap:NAME; repeatable"
                    + " (default: ${DEFAULT-VALUE}).")
    private List<String> contexts = new ArrayList<>();

    @Option(
            names = "--offset",
            paramLabel = "N",
            defaultValue = "0",
            converter = SizeConverter.class,
            description = "Begin here instead of at 0; sizes take K M G T.")
    private long offset;

    @Option(
            names = "--length",
            paramLabel = "N",
            converter = SizeConverter.class,
            description = "Look at this many bytes instead of all to the end.")
    private @Nullable Long length;

    @Option(names = "--bar", description = "Paint the disk as one line, with a legend.")
    private boolean bar;

    @Option(names = "--width", paramLabel = "COLUMNS", description = "Paint it so wide (default: as the terminal).")
    private @Nullable Integer width;

    @Option(names = "--height", paramLabel = "ROWS", description = "Paint it as a picture of so many rows of blocks.")
    private @Nullable Integer height;

    @Option(names = "--svg", paramLabel = "FILE", description = "Write the picture to an SVG file.")
    private @Nullable Path svg;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    MapCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        requireSense();
        ConnectSpec connectSpec = peer.connectSpec("map", console).withContexts(contexts);
        NbdUri given = NbdUri.parse(uri);
        try (Way opened = road.open(console, peer.timeout(), peer.timeout())) {
            NbdUri address = Way.lead(opened, given);
            return Way.at(opened, () -> map(address, connectSpec));
        }
    }

    private int map(NbdUri address, ConnectSpec connectSpec) {
        try (NbdConnection connection = NbdConnection.open(address, connectSpec)) {
            long size = connection.info().sizeBytes();
            if (offset > size || (length != null && length > size - offset)) {
                throw new CommandFailed(
                        ExitCode.USAGE, "the range reaches beyond the end of the disk, which has " + size + " bytes");
            }
            long end = length == null ? size : offset + length;
            boolean many = contexts.size() > 1;
            PrintStream out = console.out();
            for (int i = 0; i < contexts.size(); i++) {
                DiskPart part = new DiskPart(contexts.get(i), offset, end - offset);
                if (many) {
                    out.print(heading(part.context(), i));
                }
                map(connection, part);
            }
            if (many && json) {
                out.println("}");
            }
        }
        return ExitCode.DONE.code();
    }

    private String heading(String context, int index) {
        if (json) {
            return (index == 0 ? "{" : ",") + Json.quote(context) + ":\n";
        }
        return (index == 0 ? "" : "\n") + "# " + context + "\n";
    }

    private void map(NbdConnection connection, DiskPart part) {
        try (SvgFile file = svg == null ? null : new SvgFile(svg)) {
            List<MapSink> sinks = checkedSinks(part, file);
            if (part.length() > 0) {
                ByteRange range = new ByteRange(part.offset(), part.length());
                ExtentMap extents = ExtentMap.of(connection, part.context(), range);
                for (long count = 1; extents.hasNext(); count++) {
                    var extent = extents.next();
                    sinks.forEach(sink -> sink.extent(extent));
                    if (count % 4096 == 0) {
                        requireReader();
                    }
                }
            } else {
                ExtentMap.requireContext(connection, part.context());
            }
            sinks.forEach(MapSink::end);
            requireReader();
            if (file != null) {
                file.commit();
            }
        }
    }

    private List<MapSink> checkedSinks(DiskPart part, @Nullable SvgFile file) {
        try {
            return sinks(part, file);
        } catch (IllegalArgumentException e) {
            throw new CommandFailed(ExitCode.USAGE, String.valueOf(e.getMessage()));
        }
    }

    private List<MapSink> sinks(DiskPart part, @Nullable SvgFile file) {
        PrintStream out = console.out();
        List<MapSink> sinks = new ArrayList<>();
        boolean picture = bar || width != null || height != null;
        if (file != null) {
            sinks.add(new DiskSvg(
                    file.writer(),
                    part,
                    uri,
                    width == null ? DiskSvg.DEFAULT_COLUMNS : width,
                    height == null ? DiskSvg.DEFAULT_ROWS : height));
        }
        if (picture && !(file != null && !bar)) {
            Look look = look();
            sinks.add(
                    height == null
                            ? new DiskBar(out, look, part)
                            : new DiskBlocks(
                                    out, look, part, width == null ? DiskBlocks.defaultColumns(look) : width, height));
        } else if (file == null && totals) {
            sinks.add(
                    json
                            ? MapTotals.json(out, part.context(), part.length())
                            : MapTotals.text(out, part.context(), part.length()));
        } else if (file == null) {
            sinks.add(json ? new MapJson(out, part.context()) : new MapText(out, part.context()));
        }
        return sinks;
    }

    private Look look() {
        boolean terminal = Optional.ofNullable(System.console())
                .map(java.io.Console::isTerminal)
                .orElse(false);
        return Look.of(terminal, terminalCharset(), width == null || height != null ? 0 : width, System.getenv());
    }

    private static java.nio.charset.Charset terminalCharset() {
        if (System.getenv("MIGRATEKIT_ASCII") != null) {
            return StandardCharsets.US_ASCII; // bin/migratekit knows the real locale
        }
        String locale = System.getenv("LC_ALL");
        for (String variable : List.of("LC_CTYPE", "LANG")) {
            locale = locale == null || locale.isEmpty() ? System.getenv(variable) : locale;
        }
        boolean utf8 = locale != null
                && locale.toUpperCase(java.util.Locale.ROOT).replace("-", "").contains("UTF8");
        return utf8 ? StandardCharsets.UTF_8 : StandardCharsets.US_ASCII;
    }

    private void requireSense() {
        boolean picture = bar || width != null || height != null || svg != null;
        if (picture && (json || totals)) {
            throw new ParameterException(
                    spec.commandLine(), "--json and --totals print figures; they do not go with a picture");
        }
        if (svg != null && contexts.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--svg paints one context");
        }
        if ((width != null && width < 1) || (height != null && height < 1)) {
            throw new ParameterException(spec.commandLine(), "--width and --height are at least 1");
        }
        if (width != null && height != null) {
            try {
                DiskBlocks.cells(width, height);
            } catch (IllegalArgumentException e) {
                throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()));
            }
        }
    }

    /** Nobody should list millions of extents for a reader that has left, as after {@code | head}. */
    private void requireReader() {
        if (console.out().checkError()) {
            throw new CommandFailed(ExitCode.OUTPUT_CLOSED, "nobody reads the output any more");
        }
    }
}
