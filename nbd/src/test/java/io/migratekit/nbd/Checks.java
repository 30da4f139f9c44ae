package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.ScriptedNbd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;

/** What do many tests of the client ask in the same words? */
final class Checks {
    /** So that no test hangs: longer than any healthy answer, shorter than anybody's patience. */
    private static final Limits LIMITS = Limits.of(Duration.ofSeconds(10), Duration.ofSeconds(10));

    private Checks() {}

    /** A connection that would not outlive a hanging test for long. */
    static NbdConnection open(String uri, String... contexts) {
        return NbdConnection.open(NbdUri.parse(uri), spec(LIMITS, contexts));
    }

    static ConnectSpec spec(Limits limits, String... contexts) {
        return ConnectSpec.of("test")
                .withContexts(List.of(contexts))
                .withLimits(limits)
                .withDeadline(Deadline.in(Duration.ofSeconds(60)));
    }

    /** Whether the libnbd of this machine is of 1.MINOR or newer; some of what it does by itself depends on that. */
    static boolean isLibraryOf(int minor) {
        return Integer.parseInt(NbdConnection.libraryVersion().replaceFirst("1\\.([0-9]+).*", "$1")) >= minor;
    }

    /** The message holds all of this, and nothing of it is meant for programmers only. */
    static void message(Throwable e, String... expected) {
        String message = String.valueOf(e.getMessage());
        for (String each : expected) {
            assertTrue(message.contains(each), () -> "\"" + each + "\" is not in \"" + message + "\"");
        }
        assertTrue(!message.contains("nbd_aio") && !message.contains("null"), message);
    }

    static void tookLessThan(Duration limit, long startedNanos) {
        Duration took = Duration.ofNanos(System.nanoTime() - startedNanos);
        assertTrue(took.compareTo(limit) < 0, "took " + took);
    }

    /** The buffer holds what a {@link ScriptedNbd} serves at this offset. */
    static void scriptedContent(MemorySegment buffer, long offset) {
        for (long i = 0; i < buffer.byteSize(); i++) {
            if (buffer.get(ValueLayout.JAVA_BYTE, i) != ScriptedNbd.byteAt(offset + i)) {
                throw new AssertionError("byte " + (offset + i) + " is wrong");
            }
        }
    }
}
