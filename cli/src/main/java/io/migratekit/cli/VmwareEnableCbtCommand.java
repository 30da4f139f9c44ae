package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.vmware.ChangeTracking;
import io.migratekit.vmware.VCenter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How is change tracking switched on, if that is safe? */
@Command(
        name = "enable-cbt",
        description = {
            "Switch on changed block tracking of a VM, or say why it is left off.",
            "",
            "It is left off while the VM has snapshots: tracking that begins on top of them misses changes without saying"
                    + " so. On a running VM it begins with the next snapshot. Exit code 12: it was left off."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class VmwareEnableCbtCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareVmOptions vm;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private VmwareLogin vmware;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    VmwareEnableCbtCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        String wanted = vm.require();
        try (VCenter vc = vmware.login(console)) {
            ChangeTracking result = vc.enableChangeTracking(vc.find(wanted));
            if (json) {
                JsonObject document = new JsonObject();
                document.addProperty(
                        "result",
                        switch (result) {
                            case ChangeTracking.WasOn _ -> "was-on";
                            case ChangeTracking.NowOn _ -> "now-on";
                            case ChangeTracking.LeftOff _ -> "left-off";
                        });
                document.addProperty("words", result.words());
                console.out().println(document);
            } else if (!(result instanceof ChangeTracking.LeftOff)) {
                console.out().println(Printable.of(result.words()));
            }
            if (result instanceof ChangeTracking.LeftOff) {
                throw new CommandFailed(ExitCode.SOURCE_REFUSED, result.words());
            }
        }
        return ExitCode.DONE.code();
    }
}
