package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubException;
import io.migratekit.hub.api.Answers;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.RetentionPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which restore points go because a policy does not keep them? Only looks, unless it is told to apply it. */
@Command(
        name = "prune",
        description = {
            "Remove the restore points that a policy does not keep. Without --apply: only show which, and why.",
            "",
            "The policy is that of [retention] in the configuration, rule by rule beaten by [retention.\"VM\"], and that by"
                    + " the options here. A VM for which nothing is said is passed over. Whatever the policy, these stay:"
                    + " the last good point, what is locked, what was taken in the future, and everything while a backup of"
                    + " the VM is open. What others need of a point is merged into them, as with `hub delete --merge`; a point that fails"
                    + " is told, and the others go on."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubPruneCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RetentionOptions keep;

    HubPruneCommand(Console console) {
        this.console = console;
    }

    @Option(
            names = "--vm",
            paramLabel = "VM",
            description = "Only this VM, by its id or name; may be said several times. Without it: all.")
    private List<String> wanted = new ArrayList<>();

    @Option(names = "--apply", description = "Remove them.")
    private boolean apply;

    /** The first thing that went wrong. */
    private ExitCode code = ExitCode.DONE;

    @Override
    public Integer call() {
        RetentionConfig configured =
                hub.configuration().map(ConfigFile::retention).orElse(RetentionConfig.NONE);
        RetentionRules said = keep.rules();
        List<JsonObject> answers = hub.ask(console, view -> prune(view, configured, said));
        if (hub.json()) {
            console.out().println(Answers.list("vms", answers));
        }
        return code.code();
    }

    private List<JsonObject> prune(HubView view, RetentionConfig configured, RetentionRules said) {
        Map<String, String> vms = vms(view, configured);
        Map<String, RetentionPolicy> policies = new TreeMap<>();
        vms.forEach((id, name) ->
                configured.of(id, name).beatenBy(said).policy().ifPresent(policy -> policies.put(id, policy)));
        if (policies.isEmpty() && !vms.isEmpty()) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    "no policy keeps anything, so nothing is removed; say how many restore points to keep, such as"
                            + " --keep-last 3 --keep-daily 7, or in [retention] of the configuration");
        }
        List<JsonObject> answers = new ArrayList<>();
        vms.forEach((id, name) -> {
            RetentionPolicy policy = policies.get(id);
            if (policy != null) {
                prune(view, id, name, policy).ifPresent(answers::add);
            } else {
                console.say("hub prune: nothing is said of how many restore points of VM " + name + " (" + id
                        + ") to keep, so it is passed over");
            }
        });
        return answers;
    }

    /** The names of those that are meant, by id. */
    private Map<String, String> vms(HubView view, RetentionConfig configured) {
        Map<String, String> all = new TreeMap<>();
        view.vms().forEach(vm -> all.put(HubText.text(vm, "id"), HubText.text(vm, "name")));
        for (String name : configured.vms().keySet()) {
            if (!all.containsKey(name) && !all.containsValue(name)) {
                console.say("hub prune: [retention.\"" + name + "\"] of the configuration is about no VM that is here");
            }
        }
        if (wanted.isEmpty()) {
            return all;
        }
        List<String> ids =
                wanted.stream().map(vm -> HubViewOptions.vm(view, vm)).toList();
        all.keySet().retainAll(ids);
        return all;
    }

    private Optional<JsonObject> prune(HubView view, String vm, String name, RetentionPolicy policy) {
        JsonObject pruned;
        try {
            pruned = view.prune(vm, policy, apply);
        } catch (HubException.Refused | RepositoryException e) {
            // Another VM may do better.
            fail(Console.codeOf(e), "VM " + name + " (" + vm + ") is not pruned: " + e.getMessage());
            return Optional.empty();
        }
        pruned.addProperty("name", name);
        if (!hub.json()) {
            console.out().println(HubPruneText.head(pruned));
            Columns.print(console.out(), HubPruneText.rows(pruned));
            console.out().println(HubPruneText.total(pruned));
        }
        for (JsonObject point : HubText.objects(pruned, "points")) {
            if (point.has("problem")) {
                JsonObject problem = point.getAsJsonObject("problem");
                String word = HubText.text(problem, "type").replaceFirst(".*:", "");
                fail(ExitCode.ofHub(word), HubText.text(point, "id") + ": " + HubText.text(problem, "detail"));
            }
        }
        if (pruned.has("passedOver")) {
            // A timer comes again; who asked for this VM wants to know.
            fail(apply && !wanted.isEmpty() ? ExitCode.LOCKED : ExitCode.DONE, HubText.text(pruned, "passedOver"));
        }
        return Optional.of(pruned);
    }

    private void fail(ExitCode with, String why) {
        code = code == ExitCode.DONE ? with : code;
        console.say("hub prune: " + why);
    }
}
