package io.migratekit.nbd;

import static io.migratekit.nbd.ConnectSpec.BASE_ALLOCATION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Answer;
import io.migratekit.nbd.fixture.ScriptedNbd.Asked;
import io.migratekit.nbd.fixture.ScriptedNbd.Command;
import io.migratekit.nbd.fixture.ScriptedNbd.Described;
import io.migratekit.nbd.fixture.ScriptedNbd.Run;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Is the map of a disk the truth, whichever legal answers it is made of, and an error if they are not legal? */
class ExtentMapTest {
    private static final String OTHER = "test:other";
    private static final long TIB = 1L << 40;
    /** Questions that may be under way at once: enough to hide the round trip, not enough to flood a slow server. */
    private static final int MOST_IN_FLIGHT = 4;

    private static final long[] SIZES = {
        1,
        511,
        4097,
        (1 << 20) - 1,
        (64 << 20) + 513,
        0xFFF0_0000L,
        0xFFF0_0000L + 1,
        (1L << 32) - 1,
        1L << 32,
        (1L << 32) + 512,
        TIB + 1,
        8 * TIB,
        64 * TIB
    };

    @Test
    void anyLegalAnswersGiveTheTruth() throws IOException {
        long seed = System.nanoTime();
        System.out.println("ExtentMapTest.anyLegalAnswersGiveTheTruth seed=" + seed);
        Random random = new Random(seed);
        long started = System.nanoTime();
        for (int disk = 0; disk < 150; disk++) {
            int block = List.of(0, 512, 4096).get(random.nextInt(3));
            long size = SIZES[random.nextInt(SIZES.length)];
            size = block == 0 ? size : Math.ceilDiv(size, block) * block;
            checkOneDisk(random, size, block, "seed=" + seed + " disk=" + disk + " size=" + size + " block=" + block);
        }
        Checks.tookLessThan(Duration.ofSeconds(30), started);
    }

    private static void checkOneDisk(Random random, long size, int block, String label) throws IOException {
        long offset = random.nextBoolean() ? 0 : random.nextLong(size);
        long length = Math.min(size - offset, random.nextBoolean() ? size : 1 + random.nextLong(100L << 30));
        // A whole disk of this size takes thousands of questions; another test does that once.
        ByteRange range = new ByteRange(offset, Math.min(length, TIB / 2));
        DiskTruth truth = new DiskTruth(random, size, Math.max(1, block), range);
        DiskTruth otherTruth = new DiskTruth(random, size, Math.max(1, block), range);
        Random choices = new Random(random.nextLong());
        Script script = Script.disk(size)
                .offering(BASE_ALLOCATION, OTHER)
                .insistingOnBlocksOf(block)
                .answering(asked -> {
                    List<Described> chunks = new ArrayList<>(List.of(
                            new Described(BASE_ALLOCATION, truth.answer(choices, asked.offset(), asked.length())),
                            new Described(OTHER, otherTruth.answer(choices, asked.offset(), asked.length()))));
                    if (choices.nextInt(8) == 0) {
                        chunks.add(new Described("never:agreed", List.of(new Run(4096, 0))));
                    }
                    Collections.shuffle(chunks, choices);
                    return new Answer.Extents(chunks);
                });
        boolean shuffled = random.nextInt(4) == 0;
        try (ScriptedNbd server = ScriptedNbd.start(
                        shuffled ? script.shuffling(Duration.ofMillis(1), random.nextLong()) : script);
                NbdConnection connection = open(server, BASE_ALLOCATION, OTHER)) {
            String context = random.nextBoolean() ? BASE_ALLOCATION : OTHER;
            List<Extent> expected = (context.equals(OTHER) ? otherTruth : truth).in(range);
            assertEquals(expected, drain(ExtentMap.of(connection, context, range)), label + " " + range);
            if (range.length() < 1L << 31) {
                assertEquals(expected, query(connection, context, range), label + " asked as a whole " + range);
            }
            assertTrue(server.mostPending() <= MOST_IN_FLIGHT, label + " in flight: " + server.mostPending());
        }
    }

    @Test
    void aDiskOf64TebibytesIsOneExtent() throws IOException {
        Script script = Script.disk(64 * TIB).answering(asked -> {
            long reach = Math.min(64 * TIB - asked.offset(), 0xFFFF_0000L);
            return Answer.extents(BASE_ALLOCATION, List.of(new Run(reach, Extent.HOLE | Extent.ZERO)));
        });
        long started = System.nanoTime();
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            ExtentMap map = ExtentMap.of(connection, BASE_ALLOCATION);
            assertEquals(List.of(new Extent(0, 64 * TIB, Extent.HOLE | Extent.ZERO)), drain(map));
            assertFalse(map.hasNext());
            assertThrows(NoSuchElementException.class, map::next);
            assertTrue(server.requests() < 20_000, "requests: " + server.requests());
        }
        Checks.tookLessThan(Duration.ofSeconds(20), started);
    }

    @Test
    void questionsAreAskedLazilyAndAFewAhead() throws IOException {
        Script script = Script.disk(64 * TIB)
                .answering(asked -> Answer.extents(
                        BASE_ALLOCATION,
                        List.of(new Run(4096, 0), new Run(4096, 3), new Run(asked.length() - 8192, 0))))
                .shuffling(Duration.ofMillis(5), 1);
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            ExtentMap map = ExtentMap.of(connection, BASE_ALLOCATION);
            assertEquals(0, server.requests());
            for (int i = 0; i < 100; i++) {
                assertTrue(map.hasNext());
                map.next();
            }
            assertTrue(server.mostPending() > 1 && server.mostPending() <= MOST_IN_FLIGHT, "the round trip is hidden");
            // Two extents of each piece come alone, the third one grows together with the next piece's first.
            assertTrue(server.requests() <= 100 / 2 + 2 * MOST_IN_FLIGHT, "requests: " + server.requests());
        }
    }

    @Test
    void anEmptyDiskHasNoExtents() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(0));
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            assertFalse(ExtentMap.of(connection, BASE_ALLOCATION).hasNext());
            assertEquals(0, server.requests());
        }
    }

    @Test
    void whatCannotBeAskedIsRefusedBeforeAsking() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(1 << 20));
                NbdConnection connection = open(server, BASE_ALLOCATION, OTHER)) {
            String message =
                    String.valueOf(assertThrows(NbdException.Unsupported.class, () -> ExtentMap.of(connection, OTHER))
                            .getMessage());
            assertTrue(message.contains("does not support the metadata context \"" + OTHER + "\""), message);
            ByteRange beyond = new ByteRange((1 << 20) - 1, 2);
            assertThrows(IllegalArgumentException.class, () -> ExtentMap.of(connection, BASE_ALLOCATION, beyond));
            assertEquals(0, server.requests());
        }
    }

    /** Newer versions of libnbd look for extents without a length themselves. */
    private static final boolean IS_STRICT = Checks.isLibraryOf(18);

    static Stream<Arguments> illegalAnswers() {
        String zero = IS_STRICT ? "broke the protocol" : "an extent of length 0";
        Arguments later = illegal("a zero length later", runs(new Run(4096, 0), new Run(0, 3), new Run(4096, 0)), zero);
        Stream<Arguments> ofEach = Stream.of(
                illegal("a zero length first", runs(new Run(0, 0), new Run(4096, 0)), zero),
                illegal("nothing but a zero length", runs(new Run(0, 0)), zero),
                illegal("no context at all", new Answer.Extents(List.of()), "does not mention " + BASE_ALLOCATION),
                illegal("another context", Answer.extents(OTHER, List.of(new Run(4096, 0))), "does not mention"),
                illegal("an unknown context", Answer.extents("x:y", List.of(new Run(4096, 0))), "does not mention"));
        return IS_STRICT ? ofEach : Stream.concat(ofEach, Stream.of(later));
    }

    /** They take what is before such an extent, and leave the rest to be asked for again. */
    @Test
    void aZeroLengthLaterIsNoLoop() throws IOException {
        assumeTrue(IS_STRICT, "older ones leave it to us, and we take none of it: illegalAnswers");
        Script script = Script.disk(1 << 20)
                .answering(onStatus(asked -> runs(new Run(4096, 0), new Run(0, 3), new Run(4096, 0))));
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            assertEquals(List.of(new Extent(0, 1 << 20, 0)), drain(ExtentMap.of(connection, BASE_ALLOCATION)));
            assertTrue(server.requests() <= (1 << 20) / 4096, "requests: " + server.requests());
        }
    }

    private static Arguments illegal(String name, Answer answer, String message) {
        return Arguments.of(name, answer, message);
    }

    private static Answer runs(Run... runs) {
        return Answer.extents(BASE_ALLOCATION, List.of(runs));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("illegalAnswers")
    void anIllegalAnswerIsAnErrorAndNotALoop(String name, Answer answer, String expected) throws IOException {
        Script script = Script.disk(1 << 20).offering(BASE_ALLOCATION, OTHER).answering(onStatus(asked -> answer));
        long started = System.nanoTime();
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION, OTHER)) {
            ExtentMap map = ExtentMap.of(connection, BASE_ALLOCATION);
            NbdException.RequestFailed broken = assertThrows(NbdException.RequestFailed.class, () -> drain(map), name);
            Checks.message(broken, expected);
            assertTrue(String.valueOf(broken.getMessage()).matches(".*block.status .*at .*"), broken::getMessage);
            assertTrue(server.requests() <= MOST_IN_FLIGHT, "requests: " + server.requests());
            assertUsable(connection);
        }
        Checks.tookLessThan(Duration.ofSeconds(5), started);
    }

    /** libnbd itself gives up on a server that answers without a single extent; newer ones only on that request. */
    @Test
    void anAnswerWithoutExtentsIsAnError() throws IOException {
        Script script = Script.disk(1 << 20).answering(asked -> runs());
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            NbdException broken =
                    assertThrows(NbdException.class, () -> drain(ExtentMap.of(connection, BASE_ALLOCATION)));
            assertEquals(IS_STRICT, broken instanceof NbdException.RequestFailed, broken::toString);
            Checks.message(broken, "broke the protocol");
        }
    }

    @Test
    void silenceEndsAtItsLimit() throws IOException {
        Script script = Script.disk(1 << 20).answering(asked -> Answer.SILENCE);
        Limits limits = Limits.of(Duration.ofSeconds(5), Duration.ofMillis(300));
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection =
                        NbdConnection.open(NbdUri.parse(server.uri()), Checks.spec(limits, BASE_ALLOCATION))) {
            long started = System.nanoTime();
            NbdException.NoAnswer silence =
                    assertThrows(NbdException.NoAnswer.class, () -> drain(ExtentMap.of(connection, BASE_ALLOCATION)));
            assertEquals(Wait.BLOCK_STATUS, silence.awaited());
            Checks.tookLessThan(Duration.ofMillis(1300), started);
        }
    }

    /** Every request fails once, and whoever asks again gets what is missing: no gap, nothing twice. */
    @Test
    void afterAFailedRequestTheMapGoesOnWhereItStopped() throws IOException {
        long size = 20 * 0xFFF0_0000L;
        Script script = Script.disk(size)
                .answering(onStatus(asked -> asked.number() % 2 == 0
                        ? new Answer.Failure(5)
                        : runs(new Run(Math.max(1, asked.length() / 2), asked.offset() / 0xFFF0_0000L / 4 % 2))));
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = open(server, BASE_ALLOCATION)) {
            ExtentMap map = ExtentMap.of(connection, BASE_ALLOCATION);
            List<Extent> extents = new ArrayList<>();
            int failures = 0;
            while (failures < 10_000) {
                try {
                    if (!map.hasNext()) {
                        break;
                    }
                    extents.add(map.next());
                } catch (NbdException.RequestFailed e) {
                    assertEquals(5, e.errno());
                    failures++;
                }
            }
            List<Extent> truth = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                truth.add(new Extent(i * 4L * 0xFFF0_0000L, 4L * 0xFFF0_0000L, i % 2));
            }
            assertEquals(truth, extents);
            assertTrue(failures > 10, "failures: " + failures);
        }
    }

    // ---- helpers

    private static Function<Asked, Answer> onStatus(Function<Asked, Answer> answers) {
        return asked -> asked.command() == Command.BLOCK_STATUS ? answers.apply(asked) : Answer.REGULAR;
    }

    private static NbdConnection open(ScriptedNbd server, String... contexts) {
        return Checks.open(server.uri(), contexts);
    }

    /** All extents, after a look at what must hold for any map. */
    private static List<Extent> drain(ExtentMap map) {
        List<Extent> extents = new ArrayList<>();
        while (map.hasNext()) {
            Extent next = map.next();
            if (!extents.isEmpty()) {
                assertEquals(extents.getLast().end(), next.offset(), "neither gap nor overlap");
                assertFalse(extents.getLast().flags() == next.flags(), "neighbours with equal flags are one extent");
            }
            extents.add(next);
        }
        return extents;
    }

    private static List<Extent> query(NbdConnection connection, String context, ByteRange range) {
        ExtentQuery query = new ExtentQuery(connection, context, range);
        do {
            connection.await(query.request());
        } while (!query.advance());
        return query.extents();
    }

    private static void assertUsable(NbdConnection connection) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(512);
            connection.await(connection.read(buffer, 512));
            Checks.scriptedContent(buffer, 512);
        }
    }
}
