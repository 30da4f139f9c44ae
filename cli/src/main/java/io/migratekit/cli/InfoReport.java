package io.migratekit.cli;

import io.migratekit.nbd.ExportInfo;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How are exports described? In nbdinfo's words and order, as text or JSON, so that the two can be compared. */
record InfoReport(List<InfoReport.Export> exports) {
    /** One export, with what the server told only when asked for it. */
    record Export(String uri, ExportInfo info, Optional<String> description, Optional<List<String>> contexts) {
        Export withDescription(String text) {
            return new Export(uri, info, Optional.of(text), contexts);
        }
    }

    void printText(PrintStream out) {
        if (exports.isEmpty()) {
            return;
        }
        ExportInfo.Protocol protocol = exports.getFirst().info().protocol();
        out.println("protocol: " + protocol.name() + (protocol.tls() ? " with TLS, using " : " without TLS, using ")
                + (protocol.structuredReplies() ? "structured" : "simple") + " packets");
        exports.forEach(export -> printText(out, export));
    }

    private static void printText(PrintStream out, Export export) {
        ExportInfo info = export.info();
        out.println("export=" + Json.quote(info.name()) + ":");
        export.description().filter(d -> !d.isEmpty()).ifPresent(d -> out.println("\tdescription: " + Printable.of(d)));
        out.println("\texport-size: " + Sizes.withExact(info.sizeBytes()));
        out.println("\turi: " + export.uri());
        export.contexts().ifPresent(contexts -> {
            out.println("\tcontexts:");
            contexts.forEach(context -> out.println("\t\t" + Printable.of(context)));
        });
        info.orderedFlags().forEach(flag -> out.println("\t" + flag.getKey().id() + ": " + flag.getValue()));
        blockSizes(info).forEach(size -> out.println("\t" + size.getKey() + ": " + size.getValue()));
    }

    void printJson(PrintStream out) {
        out.println("{");
        if (!exports.isEmpty()) {
            ExportInfo.Protocol protocol = exports.getFirst().info().protocol();
            out.println("\"protocol\": " + Json.quote(protocol.name()) + ",");
            out.println("\"TLS\": " + protocol.tls() + ",");
            out.println("\"structured\": " + protocol.structuredReplies() + ",");
        }
        if (exports.isEmpty()) {
            out.println("\"exports\": []");
        } else {
            out.println("\"exports\": [");
            for (Iterator<Export> all = exports.iterator(); all.hasNext(); ) {
                printJson(out, all.next());
                out.println(all.hasNext() ? "\t}," : "\t} ]");
            }
        }
        out.println("}");
    }

    private static void printJson(PrintStream out, Export export) {
        ExportInfo info = export.info();
        out.println("\t{");
        out.println("\t\"export-name\": " + Json.quote(info.name()) + ",");
        export.description()
                .filter(d -> !d.isEmpty())
                .ifPresent(d -> out.println("\t\"description\": " + Json.quote(d) + ","));
        out.println("\t\"uri\": " + Json.quote(export.uri()) + ",");
        export.contexts().ifPresent(contexts -> {
            out.println("\t\"contexts\": [");
            for (Iterator<String> all = contexts.iterator(); all.hasNext(); ) {
                out.println("\t\t" + Json.quote(all.next()) + (all.hasNext() ? "," : ""));
            }
            out.println("\t],");
        });
        info.orderedFlags().forEach(flag -> out.println("\t\"" + flag.getKey().id() + "\": " + flag.getValue() + ","));
        blockSizes(info).forEach(size -> out.println("\t\"" + size.getKey() + "\": " + size.getValue() + ","));
        out.println("\t\"export-size\": " + info.sizeBytes() + ",");
        out.println("\t\"export-size-str\": " + Json.quote(Sizes.exact(info.sizeBytes())));
    }

    private static List<Map.Entry<String, Long>> blockSizes(ExportInfo info) {
        List<Map.Entry<String, Long>> sizes = new ArrayList<>();
        info.minimumBlockBytes().ifPresent(size -> sizes.add(Map.entry("block_size_minimum", size)));
        info.preferredBlockBytes().ifPresent(size -> sizes.add(Map.entry("block_size_preferred", size)));
        info.maximumBlockBytes().ifPresent(size -> sizes.add(Map.entry("block_size_maximum", size)));
        return sizes;
    }
}
