package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.vmware.VCenter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Can we log in to the source? */
@Command(
        name = "login-check",
        description = {
            "Connect, check the certificate, log in, use the session, log out, and say who was there.",
            "",
            "Exit code 10: it cannot be reached or does not answer; 11: the certificate or the login is refused."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class VmwareLoginCheckCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareLogin vmware;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    VmwareLoginCheckCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        try (VCenter vc = vmware.login(console)) {
            vc.keepAlive();
            if (json) {
                JsonObject document = new JsonObject();
                document.addProperty("endpoint", vc.spec().endpoint().toString());
                document.addProperty("username", vc.spec().username());
                document.addProperty("product", vc.product());
                document.addProperty("instanceUuid", vc.instanceUuid());
                document.addProperty("hostAlone", vc.isHostAlone());
                console.out().println(document);
            } else {
                console.out()
                        .println("logged in to " + vc.spec().endpoint() + " as "
                                + Printable.of(vc.spec().username()) + ": " + Printable.of(vc.product())
                                + (vc.isHostAlone() ? ", a host alone" : "") + ", instance "
                                + Printable.of(vc.instanceUuid()));
            }
        }
        return ExitCode.DONE.code();
    }
}
