package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.ServerCertificate;
import io.migratekit.vmware.VCenterLimits;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which certificate does a server show, and how is it pinned? */
@Command(
        name = "thumbprint",
        description = {
            "Show the fingerprints of the certificate that a vCenter or ESXi host shows. No password is sent.",
            "",
            "Whoever sits in between could show another one: compare with the server's own console before you pin it."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class VmwareThumbprintCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "HOST[:PORT]", description = "The server.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private String host;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "15s",
            converter = Times.class,
            description = "Longest wait for the certificate (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell on stderr what is being waited for; print stack traces.")
    private boolean verbose;

    VmwareThumbprintCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (verbose) {
            console.beVerbose();
        }
        if (timeout.isZero()) {
            throw new CommandFailed(ExitCode.USAGE, "--timeout must be longer than nothing");
        }
        VCenterLimits usual = VCenterLimits.DEFAULT;
        VCenterLimits limits = new VCenterLimits(
                timeout, usual.call(), usual.task(), usual.removal(), usual.retryFor(), usual.keepAlive());
        ServerCertificate shown = ServerCertificate.of(Endpoint.parse(host), limits, new VmwareAnnouncer(console));
        if (json) {
            JsonObject document = new JsonObject();
            document.addProperty("endpoint", shown.endpoint().toString());
            document.addProperty("sha1", shown.sha1().toString());
            document.addProperty("sha256", shown.sha256().toString());
            document.addProperty("subject", shown.subject());
            document.addProperty("issuer", shown.issuer());
            document.addProperty("validUntil", shown.validUntil());
            console.out().println(document);
        } else {
            console.out().println("SHA-1    " + shown.sha1());
            console.out().println("SHA-256  " + shown.sha256());
            console.out().println("subject  " + Printable.of(shown.subject()));
            console.out().println("issuer   " + Printable.of(shown.issuer()));
            console.out().println("until    " + shown.validUntil());
            console.say("compare with the server's own console, then pin it: --vmware-thumbprint " + shown.sha256());
        }
        return ExitCode.DONE.code();
    }
}
