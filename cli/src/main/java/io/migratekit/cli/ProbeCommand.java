package io.migratekit.cli;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Is the road to an export, and the server at its end, in good health? */
@Command(
        name = "probe",
        description = {
            "Connect step by step, like a doctor taking the pulse, and say what is wrong.",
            "",
            "Each step is printed with its time: address, connection, greeting, options, export, contexts, first block"
                    + " status, first reads, and a second connection while the first is held. Nothing is written."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class ProbeCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "URI", description = "The export, e.g. nbd://hub:10809/disk1 .")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private String uri;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    ProbeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        ConnectSpec spec = peer.connectSpec("probe", console);
        try (Way opened = road.open(console, peer.timeout(), peer.timeout())) {
            NbdUri address = Way.lead(opened, NbdUri.parse(uri));
            ProbeReport report = new ProbeReport(console.out(), json, "uri", address.toString());
            ProbeReport.Verdict verdict = new Probe(address, spec, 2, report::step).run();
            report.verdict(verdict);
            return verdict.code().code();
        }
    }
}
