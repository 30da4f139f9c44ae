package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.hub.api.AlarmLab.Wanted;
import io.migratekit.nbd.fixture.SmallDisk;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does an alarm come when something should be looked after, go when that is over, and is each told once, by every way? */
class AlarmsTest {
    private static final Duration HOUR = Duration.ofHours(1);
    private final Instant longAgo = Instant.now().minus(Duration.ofHours(30));

    /** A port that nobody listens on. */
    private static final int NOBODY = 1;

    @TempDir
    private Path folder;

    private interface Question<T> {
        T ask() throws IOException;
    }

    private static void until(String what, Question<Boolean> question) {
        Waiting.until(what, AlarmLab.SOON, () -> {
            try {
                return question.ask();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** For as long as a hub looks several times. */
    private static void aWhile() throws InterruptedException {
        Thread.sleep(AlarmLab.OFTEN.multipliedBy(8));
    }

    @Test
    void aVmWithoutAGoodPointIsAnAlarmUntilThereIsOne() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.noGoodPointFor(HOUR))) {
            lab.point("old", longAgo, 1);
            until("it is posted", () -> lab.posted().equals(List.of("no-good-point begins")));
            JsonObject content = lab.contents().getFirst();
            assertEquals("vm-1", content.get("vm").getAsString());
            assertTrue(
                    content.get("words")
                            .getAsString()
                            .startsWith("VM name-of-vm-1 has no good restore point since 30 h;"),
                    content::toString);
            assertEquals(1, lab.alarms().size());
            assertEquals(1, lab.metric("alarms"));
            assertTrue(lab.metric("vm_last_good_age_seconds") >= 30 * 3600);
            lab.point("new", Instant.now(), 1);
            until("its end is posted", () -> lab.posted().size() > 1);
            aWhile();
            assertEquals(List.of("no-good-point begins", "no-good-point ended"), lab.posted());
            assertEquals(List.of(), lab.alarms());
            assertEquals(0, lab.metric("alarms"));
        }
    }

    /** Restore points from another hub need not come in the order in which they were taken, and clocks may be wrong. */
    @Test
    void theNewestPointIsNotTheOneThatCameLast() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.noGoodPointFor(HOUR))) {
            lab.point("new", Instant.now(), 1);
            lab.point("old", longAgo, 1);
            aWhile();
            assertEquals(List.of(), lab.alarms());
            assertEquals(List.of(), lab.posted());
            assertTrue(lab.metric("vm_last_good_age_seconds") < 600);
        }
    }

    @Test
    void aClockThatWentWrongOnceDoesNotSilenceIt() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.noGoodPointFor(Duration.ofSeconds(3)))) {
            lab.point("future", Instant.now().plus(Duration.ofDays(3000)), 1);
            until("it is posted", () -> lab.posted().equals(List.of("no-good-point begins")));
        }
    }

    @Test
    void aHubThatIsStartedAgainNeitherRepeatsNorForgets() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.noGoodPointFor(HOUR))) {
            lab.point("old", longAgo, 1);
            until("it is posted", () -> lab.posted().size() == 1);
            aWhile();
            lab.stop();
            lab.startAgain();
            aWhile();
            assertEquals(List.of("no-good-point begins"), lab.posted());
            lab.point("new", Instant.now(), 1);
            until("its end is posted", () -> lab.posted().size() > 1);
            aWhile();
            lab.stop();
            lab.startAgain();
            aWhile();
            assertEquals(List.of("no-good-point begins", "no-good-point ended"), lab.posted());
        }
    }

    @Test
    void aByteThatTurnsIsFoundWithoutBeingAskedFor() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.verifying(Duration.ofSeconds(1), 0))) {
            lab.point("p1", Instant.now(), 2);
            lab.point("p2", Instant.now(), 1);
            lab.scribble("p1", 8);
            until("it is posted", () -> lab.posted().equals(List.of("damaged begins")));
            String words = lab.contents().getFirst().get("words").getAsString();
            assertTrue(words.contains("p1"), words);
            assertTrue(lab.backup("p1").has("damage"), () -> "p1 is not called damaged");
            assertEquals(1, lab.alarms().size());
            assertEquals(1, lab.metric("alarms"));
            assertEquals(1, lab.metric("vm_damaged_points"));
            lab.scribble("p1", 7);
            until("its end is posted", () -> lab.posted().size() > 1);
            aWhile();
            assertEquals(List.of("damaged begins", "damaged ended"), lab.posted());
            assertEquals(0, lab.metric("vm_damaged_points"));
            assertFalse(lab.backup("p1").has("damage"), () -> "p1 is still called damaged");
        }
    }

    @Test
    void roomThatWillNotLastIsSeenFromWhatWasSealed() throws Exception {
        try (SmallDisk small = SmallDisk.at(folder.resolve("small"), "64m");
                AlarmLab lab = new AlarmLab(small.path(), Wanted.spaceFor(Duration.ofDays(60), 20 * AlarmLab.MIB))) {
            assertEquals(-1, lab.metric("space_seconds"), "nothing was sealed, so nothing is known");
            lab.point("small", Instant.now(), 1);
            aWhile();
            assertEquals(List.of(), lab.posted());
            assertLasts(lab, "small");
            lab.point("large", Instant.now(), 8);
            until("it is posted", () -> lab.posted().equals(List.of("space begins")));
            assertLasts(lab, "small", "large");
            assertEquals(1, lab.metric("alarms"));
            String words = lab.contents().getFirst().get("words").getAsString();
            assertTrue(words.contains("is full in 2") || words.contains("is full in 3"), words);
            lab.remove("large");
            until("its end is posted", () -> lab.posted().size() > 1);
            aWhile();
            assertEquals(List.of("space begins", "space ended"), lab.posted());
            assertEquals(0, lab.metric("alarms"));
        }
    }

    /** Within a tenth: what is free, less what has to stay free, at the pace at which the layers of these points came. */
    private static void assertLasts(AlarmLab lab, String... points) throws IOException {
        double grown = 0;
        for (String point : points) {
            grown += lab.backup(point)
                    .getAsJsonArray("disks")
                    .get(0)
                    .getAsJsonObject()
                    .get("layerBytes")
                    .getAsLong();
        }
        double expected = (lab.freeBytes() - 20.0 * AlarmLab.MIB) / grown * 7 * 24 * 3600;
        long told = lab.metric("space_seconds");
        assertTrue(Math.abs(told - expected) < expected / 10, told + " s instead of " + expected);
    }

    @Test
    void aWebhookThatRefusesOrFreezesHoldsUpNobodyAndItsSecretIsNotLogged() throws Exception {
        List<String> logged = new CopyOnWriteArrayList<>();
        Handler ears = ears(record -> logged.add(record.getMessage() + " " + record.getThrown()));
        Logger.getLogger("io.migratekit.hub").addHandler(ears);
        try (ServerSocket frozen = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            for (int port : List.of(frozen.getLocalPort(), NOBODY)) {
                URI hook = URI.create(
                        "http://user:open-sesame@127.0.0.1:" + port + "/open-sesame?key=open-sesame#open-sesame");
                AlarmLab lab = new AlarmLab(
                        Files.createDirectory(folder.resolve("" + port)),
                        Wanted.noGoodPointFor(HOUR),
                        Optional.of(hook));
                List<Long> millis = new ArrayList<>();
                try (lab) {
                    lab.point("old", longAgo, 1);
                    for (int i = 0; i < 4; i++) {
                        aWhile();
                        long begun = System.nanoTime();
                        if (i % 2 == 0) {
                            lab.point("new", Instant.now(), 1);
                        } else {
                            lab.remove("new");
                        }
                        assertEquals(i % 2, lab.alarms().size());
                        millis.add((System.nanoTime() - begun) / 1_000_000);
                    }
                    if (port == NOBODY) {
                        until("it is logged", () -> logged.stream().anyMatch(line -> line.contains("failed")));
                    }
                    millis.add(System.nanoTime() / -1_000_000);
                }
                millis.set(4, millis.get(4) + System.nanoTime() / 1_000_000);
                assertTrue(millis.stream().allMatch(one -> one < 10_000), millis::toString);
            }
        } finally {
            Logger.getLogger("io.migratekit.hub").removeHandler(ears);
        }
        assertTrue(logged.stream().anyMatch(line -> line.contains("webhook=127.0.0.1")), logged::toString);
        assertTrue(logged.stream().noneMatch(line -> line.contains("open-sesame")), logged::toString);
    }

    /** Hands on what is logged. */
    static Handler ears(Consumer<LogRecord> who) {
        return new Handler() {
            @Override
            public void publish(LogRecord record) {
                who.accept(record);
            }

            @Override
            public void flush() {
                // Nothing waits.
            }

            @Override
            public void close() {
                // Nothing is open.
            }
        };
    }

    @Test
    void theRateOfAVerificationIsKeptAndItMakesWay() throws Exception {
        try (AlarmLab lab = new AlarmLab(folder, Wanted.verifying(Duration.ofSeconds(2), AlarmLab.MIB))) {
            lab.point("p1", Instant.now(), 8);
            long sealed = System.nanoTime();
            until("it is proved", () -> lab.backup("p1").has("provedAt"));
            double seconds = (System.nanoTime() - sealed) / 1e9;
            assertTrue(seconds > 6, "8 MiB at 1 MiB a second took " + seconds + " s only");

            // The next one begins soon; neither a backup nor a deletion waits until it is over.
            Thread.sleep(3000);
            long begun = System.nanoTime();
            lab.point("p2", Instant.now(), 1);
            lab.remove("p1");
            double waited = (System.nanoTime() - begun) / 1e9;
            assertTrue(waited < 5, "a backup and a deletion took " + waited + " s");
        }
    }
}
