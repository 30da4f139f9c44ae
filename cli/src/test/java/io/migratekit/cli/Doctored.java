package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What has {@code doctor} found? One run of it with {@code --json}. */
record Doctored(Run run, JsonObject report) {
    static Doctored of(List<String> words, String... more) {
        return of(Run.migratekit(line(words, more)));
    }

    static Doctored of(Run run) {
        assertTrue(run.out().startsWith("{"), run::toString);
        return new Doctored(run, JsonParser.parseString(run.out()).getAsJsonObject());
    }

    static String[] line(List<String> words, String... more) {
        List<String> line = new ArrayList<>(List.of("doctor", "--json"));
        line.addAll(words);
        line.addAll(List.of(more));
        return line.toArray(String[]::new);
    }

    private Stream<JsonObject> checks() {
        return report.getAsJsonArray("checks").asList().stream().map(JsonElement::getAsJsonObject);
    }

    List<String> of(String status) {
        return checks().filter(one -> one.get("status").getAsString().equals(status))
                .map(one -> one.get("check").getAsString())
                .toList();
    }

    private JsonObject check(String name) {
        return checks().filter(one -> one.get("check").getAsString().equals(name))
                .filter(one -> !one.get("status").getAsString().equals("not asked"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nobody asked '" + name + "': " + report));
    }

    /** This check and no other one fails, with this code, these words in its evidence and this remedy, in time. */
    Doctored fails(String check, int code, String evidence, String remedy, Duration limit) {
        assertEquals(List.of(check), of("fail"), report::toString);
        assertEquals(code, run.code(), report::toString);
        assertEquals(code, report.get("exit-code").getAsInt(), report::toString);
        assertEquals(code, check(check).get("exit-code").getAsInt(), report::toString);
        return tells(check, "fail", evidence, remedy, limit);
    }

    /** Nothing fails, and this check warns. */
    Doctored warns(String check, String evidence, String remedy, Duration limit) {
        assertEquals(List.of(check), of("warn"), report::toString);
        assertEquals(List.of(), of("fail"), report::toString);
        assertEquals(0, run.code(), report::toString);
        return tells(check, "warn", evidence, remedy, limit);
    }

    private Doctored tells(String check, String status, String evidence, String remedy, Duration limit) {
        JsonObject found = check(check);
        assertEquals(status, found.get("status").getAsString(), report::toString);
        assertTrue(found.get("evidence").getAsString().contains(evidence), report::toString);
        assertTrue(found.has("remedy") && found.get("remedy").getAsString().contains(remedy), report::toString);
        assertTrue(found.get("question").getAsString().endsWith("?"), report::toString);
        assertTrue(run.took().compareTo(limit) < 0, () -> run.took() + " " + report);
        assertEquals("", run.err());
        return this;
    }

    /** All of these make no sense any more, and say why. */
    Doctored leavesOut(String since, String... checks) {
        for (String name : checks) {
            JsonObject left = checks().filter(
                            one -> one.get("check").getAsString().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("nothing is said of '" + name + "': " + report));
            assertEquals("not asked", left.get("status").getAsString(), report::toString);
            assertEquals(since + " failed", left.get("evidence").getAsString(), report::toString);
        }
        return this;
    }

    Doctored isWell(Duration limit, String... checks) {
        assertEquals(0, run.code(), report::toString);
        assertEquals("ok", report.get("verdict").getAsString(), report::toString);
        assertEquals(List.of(), of("not asked"), report::toString);
        assertTrue(of("ok").containsAll(List.of(checks)), report::toString);
        assertTrue(run.took().compareTo(limit) < 0, () -> run.took() + " " + report);
        assertEquals("", run.err());
        assertFalse(report.toString().contains("remedy"), report::toString);
        return this;
    }
}
