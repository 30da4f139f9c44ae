package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is it told what happened to a job on both sides, in order, and where it stands, whatever became of it? */
class TimelineIT {
    private static final Duration SOON = Duration.ofSeconds(40);
    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    private static Run timeline(HubLab lab, String job, String... more) {
        List<String> words = new ArrayList<>(List.of("timeline", "--job-id", job));
        words.addAll(List.of("--state-dir", lab.source().state().toString()));
        words.addAll(lab.hub().to());
        words.addAll(List.of(more));
        return Run.migratekit(words.toArray(String[]::new));
    }

    private static List<JsonObject> list(Run run, String name) {
        assertEquals(0, run.code(), run::toString);
        return JsonParser.parseString(run.out()).getAsJsonObject().getAsJsonArray(name).asList().stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    private static String text(JsonObject step) {
        return step.get("where").getAsString() + ": " + step.get("what").getAsString();
    }

    @Test
    void aJobThatIsDoneHasItsStepsInOrder() throws IOException {
        try (HubLab lab = new HubLab(folder, 8 * MIB)) {
            lab.source().guestWrites(new Random(1), 5);
            lab.backUpWell("one");
            Run run = timeline(lab, "one", "--json");
            List<JsonObject> steps = list(run, "steps");
            assertTrue(list(run, "standsHere").isEmpty(), run::out);
            List<String> words = steps.stream().map(TimelineIT::text).toList();
            int opened = words.indexOf("hub: opened a layer for each disk");
            int sealed = words.indexOf("hub: proved and sealed");
            int begun = words.indexOf("agent: begins");
            int finished = words.indexOf("agent: is finished");
            assertTrue(begun >= 0 && begun < sealed && sealed < finished, words::toString);
            assertTrue(opened >= 0 && opened < sealed, words::toString);
            assertTrue(words.stream().anyMatch(one -> one.startsWith("disk 2000.1: ")), words::toString);
            int copied = words.indexOf("agent: all disks are copied");
            assertTrue(begun < copied && copied < finished, words::toString);
            assertTrue(words.stream().noneMatch(one -> one.contains("{")), words::toString);
            assertTrue(words.stream().anyMatch(one -> one.contains("snapshot")), words::toString);
            List<Instant> times = steps.stream()
                    .map(step -> Instant.parse(step.get("time").getAsString()))
                    .toList();
            assertEquals(times.stream().sorted().toList(), times);
            Run people = timeline(lab, "one");
            assertTrue(people.out().startsWith("TIME"), people::out);
            assertFalse(people.out().contains("stands here"), people::out);
            Run unknown = timeline(lab, "unknown");
            assertEquals(2, unknown.code(), unknown::toString);
            assertTrue(unknown.err().contains("nor the hub knows a job unknown"), unknown::err);
        }
    }

    @Test
    void oneThatRunsStandsSomewhereAndOneThatWasKilledIsGone() throws IOException {
        try (HubLab lab = new HubLab(folder, 24 * MIB)) {
            lab.source().guestWrites(new Random(2), 60);
            try (CopyProcess process = lab.start("slow", "--rate", "64K")) {
                Waiting.until(
                        "it stands somewhere",
                        SOON,
                        () -> timeline(lab, "slow").out().contains("stands here: "));
                Run run = timeline(lab, "slow", "--json");
                JsonObject here = list(run, "standsHere").getFirst();
                assertEquals("agent", here.get("where").getAsString(), here::toString);
                process.kill();
            }
            Run dead = timeline(lab, "slow");
            assertTrue(dead.out().contains("its process is gone without a word"), dead::toString);
            assertFalse(dead.out().contains("stands here"), dead::toString);
            lab.hub().kill();
            long begun = System.nanoTime();
            Run alone = timeline(lab, "slow", "--timeout", "2s");
            assertEquals(0, alone.code(), alone::toString);
            assertTrue(alone.err().contains("the hub's side is missing: "), alone::err);
            assertTrue(alone.out().contains("agent"), alone::out);
            assertTrue(System.nanoTime() - begun < Duration.ofSeconds(15).toNanos());
            lab.hub().startAgain();
        }
    }
}
