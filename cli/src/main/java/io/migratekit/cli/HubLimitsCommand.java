package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How much may go on at once? */
@Command(
        name = "limits",
        description = {
            "Show how much may go on at once, or change it.",
            "",
            "hub and vcenter count jobs, host and datastore disks, since each disk is a connection there; of what is 0 nothing"
                    + " begins until it is set to more. Exceptions have a"
                    + " name behind a colon: host:esx1=2, datastore:slow=1, agent:a1=8; `host:esx1=-` removes one. How many jobs an agent"
                    + " takes it says itself.",
            "",
            "rate=200M is what each agent's backups may read a second, all of them together, rate:a1=50M those of one agent,"
                    + " and rate:a1@08:00-18:00=20M within these hours; of several the lowest counts. `rate:a1=-` removes one."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubLimitsCommand implements Callable<Integer> {
    private static final Pattern CHANGE = Pattern.compile("(hub|vcenter|host|datastore|agent)(:.+)?=([0-9]{1,5}|-)");
    private static final Pattern RATE = Pattern.compile("rate(?::([^@=]+))?(?:@([0-9:-]+))?=([0-9]+[KMGTkmgt]?|-)");

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(arity = "0..*", paramLabel = "NAME=N", description = "A limit to be set.")
    private List<String> changes = new ArrayList<>();

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    HubLimitsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        JsonObject limits = hub.ask(console, view -> limits(hub.requireHub(view)));
        if (hub.json()) {
            console.out().println(limits);
            return ExitCode.DONE.code();
        }
        for (String name : new String[] {"hub", "vcenter", "host", "datastore"}) {
            console.out().println(name + "=" + HubText.text(limits, name));
        }
        HubText.objects(limits, "only")
                .forEach(one -> console.out()
                        .println(Printable.of(HubText.text(one, "name")) + "=" + HubText.text(one, "most")));
        HubText.objects(limits, "rates")
                .forEach(rate -> console.out()
                        .println(rateName(rate) + "=" + Sizes.rounded(HubText.number(rate, "bytesPerSecond"))));
        return ExitCode.DONE.code();
    }

    private JsonObject limits(HubClient client) {
        JsonObject limits = client.limits();
        if (changes.isEmpty()) {
            return limits;
        }
        Map<String, Integer> only = new LinkedHashMap<>();
        HubText.objects(limits, "only")
                .forEach(one -> only.put(HubText.text(one, "name"), (int) HubText.number(one, "most")));
        Map<String, JsonObject> rates = new LinkedHashMap<>();
        HubText.objects(limits, "rates").forEach(rate -> rates.put(rateName(rate), rate));
        for (String change : changes) {
            Matcher rate = RATE.matcher(change);
            if (rate.matches()) {
                change(rates, rate);
                continue;
            }
            Matcher parts = CHANGE.matcher(change);
            boolean isRemoval = parts.matches() && parts.group(3).equals("-");
            if (!parts.matches()
                    || (parts.group(2) == null && (isRemoval || parts.group(1).equals("agent")))) {
                throw new ParameterException(
                        spec.commandLine(),
                        "'" + change + "' is no limit, such as host=4, host:esx1=2, host:esx1=- or"
                                + " rate:a1@08:00-18:00=20M");
            }
            if (parts.group(2) == null) {
                limits.addProperty(parts.group(1), Integer.valueOf(parts.group(3)));
            } else if (isRemoval) {
                only.remove(parts.group(1) + parts.group(2));
            } else {
                only.put(parts.group(1) + parts.group(2), Integer.valueOf(parts.group(3)));
            }
        }
        JsonArray exceptions = new JsonArray();
        only.forEach((name, most) -> {
            JsonObject one = new JsonObject();
            one.addProperty("name", name);
            one.addProperty("most", most);
            exceptions.add(one);
        });
        limits.add("only", exceptions);
        JsonArray all = new JsonArray();
        rates.values().forEach(all::add);
        limits.add("rates", all);
        return client.putLimits(limits);
    }

    private static String rateName(JsonObject rate) {
        return "rate" + (rate.has("agent") ? ":" + Printable.of(HubText.text(rate, "agent")) : "")
                + (rate.has("hours") ? "@" + HubText.text(rate, "hours") : "");
    }

    private void change(Map<String, JsonObject> rates, Matcher wanted) {
        JsonObject rate = new JsonObject();
        if (wanted.group(1) != null) {
            rate.addProperty("agent", wanted.group(1));
        }
        if (wanted.group(2) != null) {
            rate.addProperty("hours", wanted.group(2));
        }
        String name = rateName(rate);
        if (wanted.group(3).equals("-")) {
            rates.remove(name);
        } else {
            long bytes = Sizes.parse(wanted.group(3));
            if (bytes == 0) {
                throw new ParameterException(
                        spec.commandLine(),
                        "a rate of 0 would be no backup at all: " + name
                                + "=- removes the rate, hub=0 lets nothing begin");
            }
            rate.addProperty("bytesPerSecond", bytes);
            rates.put(name, rate);
        }
    }
}
