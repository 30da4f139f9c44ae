package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.watch.Eta;
import io.migratekit.agent.watch.Layer;
import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Is progress shown honestly, on screens of any width, in logs, and to machines? */
class ProgressDisplayTest {
    private static final long GIB = 1L << 30;
    private static final long MIB = 1L << 20;
    private static final Eta ABOUT = new Eta(Eta.Kind.ESTIMATED, Duration.ofMinutes(3));

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Console console = new Console(
            new PrintStream(out, false, StandardCharsets.UTF_8), new PrintStream(err, false, StandardCharsets.UTF_8));

    @Test
    void theBarFitsTheScreen() {
        ProgressView view = copying(ABOUT, Motion.MOVING, null, "");
        for (Golden golden : List.of(
                new Golden(
                        120,
                        true,
                        "copying ▕██████▍        ▏ 42.7%, 3.3G data at 412M/s, 512M zeroed"
                                + ", 512M skipped, 30M re-sent; about 3 min left"),
                new Golden(
                        120,
                        false,
                        "copying [######         ] 42.7%, 3.3G data at 412M/s, 512M zeroed"
                                + ", 512M skipped, 30M re-sent; about 3 min left"),
                new Golden(80, true, "copying ▕████▎     ▏ 42.7%, 3.3G data at 412M/s, 512M zeroed; about 3 min left"),
                new Golden(60, true, "copying ▕███▍    ▏ 42.7%; about 3 min left"),
                new Golden(40, true, "copying 42.7%; about 3 min left"),
                new Golden(20, true, "copying 42.7%"))) {
            String line = ProgressBar.draw(view, new Look(golden.columns, false, golden.unicode));
            assertEquals(golden.line, line, golden.columns + " columns");
        }
        for (int columns = 20; columns < 200; columns++) {
            assertTrue(ProgressBar.draw(view, new Look(columns, false, true)).length() < columns);
        }
    }

    private record Golden(int columns, boolean unicode, String line) {}

    @Test
    void aStallTakesThePlaceOfThePromise() {
        ProgressView view = copying(ABOUT, Motion.STALLED, Layer.TARGET_WRITE, "the target has not answered");
        String bar = ProgressBar.draw(view, new Look(120, false, true));
        assertTrue(bar.endsWith("; stalled in target-write"), bar);
        assertEquals(
                "copying: 42.7% of 10 GiB, 3.3 GiB of data copied at 412 MiB/s, 512 MiB zeroed, 512 MiB skipped, 30 MiB"
                        + " re-sent; stalled in target-write: the target has not answered",
                ProgressText.line(view));
    }

    @Test
    void theTimeLeftIsAsSureAsItIsKnown() {
        Duration time = Duration.ofMillis(90_100);
        assertEquals("91 s left", ProgressText.left(new Eta(Eta.Kind.KNOWN, time)));
        assertEquals("about 91 s left", ProgressText.left(new Eta(Eta.Kind.ESTIMATED, time)));
        assertEquals("at least 91 s left", ProgressText.left(new Eta(Eta.Kind.AT_LEAST, time)));
        assertEquals("time left unknown", ProgressText.left(new Eta(Eta.Kind.UNKNOWN, time)));
        assertEquals("", ProgressText.left(new Eta(Eta.Kind.KNOWN, Duration.ZERO)));
    }

    @Test
    void linesForLogsComeSeldomAndAtOnceWhenItStalls() {
        ProgressDisplay display = display(ProgressOptions.Mode.PLAIN);
        ProgressView moving = copying(ABOUT, Motion.MOVING, null, "");
        ProgressView stalled = copying(ABOUT, Motion.STALLED, Layer.TARGET_FLUSH, "flush");
        int[] lines = new int[5];
        lines[0] = show(display, moving, 0, 4800);
        lines[1] = show(display, moving, 5000, 59_800);
        lines[2] = show(display, moving, 60_000, 599_800);
        lines[3] = show(display, stalled, 600_200, 600_400);
        lines[4] = show(display, moving, 600_600, 600_800);
        assertEquals(List.of(0, 11, 18, 1, 1), Arrays.stream(lines).boxed().toList());
        assertTrue(err().contains("migratekit: copying: 42.7% of 10 GiB"), err());
    }

    private int show(ProgressDisplay display, ProgressView view, long fromMillis, long toMillis) {
        long before = err().lines().count();
        for (long millis = fromMillis; millis <= toMillis; millis += 200) {
            display.show(at(view, millis));
        }
        return (int) (err().lines().count() - before);
    }

    @Test
    void machinesGetAnObjectPerLineOnStdout() {
        ProgressDisplay display = display(ProgressOptions.Mode.JSON);
        display.show(copying(ABOUT, Motion.SLOW, Layer.SOURCE_EXTENTS, "say \"please\""));
        display.show(copying(new Eta(Eta.Kind.UNKNOWN, Duration.ZERO), Motion.MOVING, null, ""));
        List<JsonObject> lines = out.toString(StandardCharsets.UTF_8)
                .lines()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .toList();
        assertEquals(2, lines.size());
        assertEquals("progress", lines.getFirst().get("event").getAsString());
        assertEquals("source-extents", lines.getFirst().get("layer").getAsString());
        assertEquals("say \"please\"", lines.getFirst().get("why").getAsString());
        assertEquals(30 * MIB, lines.getFirst().get("resentBytes").getAsLong());
        assertEquals(180, lines.getFirst().getAsJsonObject("eta").get("seconds").getAsLong());
        assertTrue(lines.get(1).get("layer").isJsonNull());
        assertEquals(false, lines.get(1).getAsJsonObject("eta").has("seconds"));
        assertEquals("", err());
    }

    @Test
    void whatIsSaidStandsAboveTheBarAndTheEndIsClean() {
        ProgressDisplay display = display(ProgressOptions.Mode.BAR);
        display.show(copying(ABOUT, Motion.MOVING, null, ""));
        display.say("a word");
        display.print("two\nlines\u001b[2J\n");
        display.show(copying(ABOUT, Motion.MOVING, null, ""));
        display.close();
        display.show(copying(ABOUT, Motion.MOVING, null, ""));
        String bar = ProgressBar.draw(copying(ABOUT, Motion.MOVING, null, ""), new Look(60, false, true));
        String clear = "\r\u001b[K";
        assertEquals(clear + bar + clear + "migratekit: a word\ntwo\nlines\\u001b[2J\n" + clear + bar + clear, err());
        assertEquals("", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theThreadShowsByItselfAndEndsQuickly() throws InterruptedException {
        ProgressView view = copying(ABOUT, Motion.MOVING, null, "");
        CountDownLatch asked = new CountDownLatch(2);
        long begun = System.nanoTime();
        try (ProgressDisplay display =
                new ProgressDisplay(ProgressOptions.Mode.BAR, console, new Look(60, false, true), () -> {
                    asked.countDown();
                    return view;
                })) {
            display.start();
            assertTrue(asked.await(5, TimeUnit.SECONDS));
        }
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(6).toNanos());
        assertTrue(err().endsWith("\r\u001b[K"), err());
    }

    @Test
    void verifyingAndPreparingHaveWordsOfTheirOwn() {
        Progress.Counts verify =
                new Progress.Counts(Progress.Phase.VERIFYING, GIB, 0, GIB, GIB, GIB, 0, 0, 0, 0, 4 * GIB, GIB);
        assertEquals(
                "verifying: 25.0% of 4 GiB, read back at 412 MiB/s; about 3 min left",
                ProgressText.line(view(verify, ABOUT, Motion.MOVING, null, "")));
        Progress.Counts nothing = new Progress.Counts(Progress.Phase.PREPARING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        Eta unknown = new Eta(Eta.Kind.UNKNOWN, Duration.ZERO);
        assertEquals(
                "preparing: looking at both ends; time left unknown",
                ProgressText.line(view(nothing, unknown, Motion.MOVING, null, "")));
    }

    private ProgressDisplay display(ProgressOptions.Mode mode) {
        return new ProgressDisplay(mode, console, new Look(60, false, true), () -> {
            throw new AssertionError("nobody asked");
        });
    }

    private String err() {
        console.err().flush();
        return err.toString(StandardCharsets.UTF_8);
    }

    private static ProgressView copying(Eta eta, Motion motion, @Nullable Layer layer, String why) {
        long copied = 3 * GIB + 276 * MIB;
        Progress.Counts counts = new Progress.Counts(
                Progress.Phase.COPYING,
                10 * GIB,
                0,
                6 * GIB,
                4 * GIB,
                copied,
                500 * MIB,
                12 * MIB,
                512 * MIB,
                30 * MIB,
                0,
                0);
        return view(counts, eta, motion, layer, why);
    }

    private static ProgressView view(
            Progress.Counts counts, Eta eta, Motion motion, @Nullable Layer layer, String why) {
        return new ProgressView(counts, 412.0 * MIB, eta, Duration.ofSeconds(10), motion, layer, why);
    }

    private static ProgressView at(ProgressView view, long millis) {
        return new ProgressView(
                view.counts(),
                view.bytesPerSecond(),
                view.eta(),
                Duration.ofMillis(millis),
                view.motion(),
                view.layer(),
                view.why());
    }
}
