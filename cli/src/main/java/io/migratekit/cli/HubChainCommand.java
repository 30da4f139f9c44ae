package io.migratekit.cli;

import com.google.gson.JsonObject;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** On what does each layer stand? */
@Command(
        name = "chain",
        description =
                "Show the layers of a VM's disks, oldest first: which stands on which, and which restore points end there.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubChainCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubChainCommand(Console console) {
        this.console = console;
    }

    @Parameters(paramLabel = "VM", description = "The VM, by its id or name.")
    @SuppressWarnings("NullAway.Init")
    private String vm;

    @Override
    public Integer call() {
        JsonObject chain = hub.ask(console, view -> view.chain(HubViewOptions.vm(view, vm)));
        if (hub.json()) {
            console.out().println(chain);
        } else {
            console.out().print(HubText.chain(chain));
        }
        return ExitCode.DONE.code();
    }
}
