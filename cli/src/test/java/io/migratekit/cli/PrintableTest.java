package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Can a server command the terminal of its user? */
class PrintableTest {
    @Test
    void whatCommandsATerminalIsSpeltOut() {
        assertEquals(
                "\\u001b]0;x\\u0007 a\\u009b2J\\u007f\\u202e", Printable.of("\u001b]0;x\u0007 a\u009b2J\u007f\u202e"));
        assertEquals("naïve 日本 ▕█▏", Printable.of("naïve 日本 ▕█▏"));
        assertEquals("\"\\u001b\\u009b\"", Json.quote("\u001b\u009b"));
    }
}
