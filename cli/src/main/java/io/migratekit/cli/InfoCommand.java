package io.migratekit.cli;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdNegotiation;
import io.migratekit.nbd.NbdUri;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What does the server offer? Size, flags, contexts and block sizes of one export, or of all. */
@Command(
        name = "info",
        description = {
            "Show size, flags, metadata contexts and block sizes of an export.",
            "",
            "Text and JSON are those of `nbdinfo --no-content`. One connection does it all, so it works on a server"
                    + " with a single free client slot."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class InfoCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "URI", description = "The export, e.g. nbd://hub:10809/disk1 .")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private String uri;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(names = "--list", description = "Show every export of the server.")
    private boolean list;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    InfoCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ConnectSpec spec = peer.connectSpec("info", console);
        NbdUri given = NbdUri.parse(uri);
        try (Way opened = road.open(console, peer.timeout(), peer.timeout())) {
            NbdUri address = Way.lead(opened, given);
            return Way.at(opened, () -> info(address, spec));
        }
    }

    private int info(NbdUri address, ConnectSpec spec) {
        List<InfoReport.Export> exports = new ArrayList<>();
        boolean complete = true;
        try (NbdNegotiation negotiation = NbdNegotiation.open(address, spec)) {
            if (!list) {
                exports.add(describe(negotiation, address, spec, true));
            } else if (!negotiation.canAsk()) {
                throw new CommandFailed(
                        ExitCode.NBD_ERROR,
                        address + ": the server is too old to list its exports; try without --list");
            } else {
                for (NbdNegotiation.Listed listed : negotiation.list()) {
                    complete &= add(
                            exports, negotiation, address.withExportName(listed.name()), spec, listed.description());
                }
            }
        }
        InfoReport report = new InfoReport(exports);
        if (json) {
            report.printJson(console.out());
        } else {
            report.printText(console.out());
        }
        return complete ? ExitCode.DONE.code() : ExitCode.NBD_ERROR.code();
    }

    /** One export that a server lists and then will not describe must not hide the others. */
    private boolean add(
            List<InfoReport.Export> exports,
            NbdNegotiation negotiation,
            NbdUri address,
            ConnectSpec spec,
            String description) {
        try {
            InfoReport.Export export = describe(negotiation, address, spec, false);
            exports.add(description.isEmpty() ? export : export.withDescription(description));
            return true;
        } catch (NbdException.Refused e) {
            console.say("info: export '" + address.exportName() + "': " + e.getMessage());
            return false;
        }
    }

    /** @param alone only then may the export be opened if the server does not describe it otherwise */
    private static InfoReport.Export describe(
            NbdNegotiation negotiation, NbdUri address, ConnectSpec spec, boolean alone) {
        ExportInfo info = alone ? negotiation.infoOrOpen(address.exportName()) : negotiation.info(address.exportName());
        Optional<List<String>> contexts = negotiation.contexts(address.exportName());
        // nbd-server, which knows no contexts, looks for the file when an export is opened, and calls it empty before.
        if (info.sizeBytes() == 0 && contexts.isEmpty() && negotiation.canAsk()) {
            info = opened(address, spec, info);
        }
        return new InfoReport.Export(address.canonical(), info, info.description(), contexts);
    }

    /** The same by another connection that opens it, if the server lets us. */
    private static ExportInfo opened(NbdUri address, ConnectSpec spec, ExportInfo described) {
        try (NbdConnection connection = NbdConnection.open(address, spec)) {
            return connection.info();
        } catch (NbdException.Refused | NbdException.NoAnswer e) {
            return described;
        }
    }
}
