package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Do pictures keep to what the terminal can show and the user wants? */
class LookTest {
    @Test
    void aTerminalHasColoursUnlessTheUserWantsNone() {
        assertEquals(new Look(120, true, true), look(true, 120, Map.of("TERM", "xterm", "NO_COLOR", "")));
        assertEquals(new Look(120, false, true), look(true, 120, Map.of("NO_COLOR", "1")));
        assertEquals(new Look(120, false, true), look(true, 120, Map.of("TERM", "dumb")));
        assertEquals(new Look(120, false, true), look(false, 120, Map.of()));
    }

    @Test
    void theWidthIsTheTerminalsOrColumnsOrEighty() {
        assertEquals(100, look(false, 100, Map.of("COLUMNS", "60")).columns());
        assertEquals(60, look(false, 0, Map.of("COLUMNS", "60")).columns());
        assertEquals(80, look(false, 0, Map.of("COLUMNS", "wide")).columns());
        assertEquals(80, look(false, 0, Map.of()).columns());
        assertEquals(20, look(false, 3, Map.of()).columns());
    }

    @Test
    void otherCharsetsGetAscii() {
        assertEquals(
                false, Look.of(true, StandardCharsets.US_ASCII, 80, Map.of()).unicode());
        assertEquals(
                false, Look.of(true, StandardCharsets.ISO_8859_1, 80, Map.of()).unicode());
    }

    private static Look look(boolean terminal, int columns, Map<String, String> environment) {
        return Look.of(terminal, StandardCharsets.UTF_8, columns, environment);
    }
}
