package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.NotifySocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does systemd hear what we tell it, by both kinds of address, and nobody anything where it is not there? */
class SdNotifyTest {
    @TempDir
    private Path folder;

    @Test
    void everythingArrivesAsItsOwnDatagram() {
        String abstractName = "@migratekit-test-" + ProcessHandle.current().pid();
        for (String address : List.of(folder.resolve("notify").toString(), abstractName)) {
            try (NotifySocket systemd = new NotifySocket(address)) {
                SdNotify notify = SdNotify.of(Map.of("NOTIFY_SOCKET", address));
                assertTrue(notify.isHeard());
                notify.ready();
                notify.status("one\nline, \u00fc");
                notify.alive();
                notify.stopping();
                assertEquals(
                        List.of("READY=1", "STATUS=one line, \u00fc", "WATCHDOG=1", "STOPPING=1"), systemd.heard());
            }
        }
    }

    @Test
    void aSocketThatIsGoneDisturbsNobody() {
        SdNotify notify =
                SdNotify.of(Map.of("NOTIFY_SOCKET", folder.resolve("none").toString()));
        notify.ready();
        notify.alive();
        SdNotify.of(Map.of()).ready();
        assertFalse(SdNotify.of(Map.of("NOTIFY_SOCKET", "vsock:2:1")).isHeard());
    }

    @Test
    void theWatchdogIsOursOnly() {
        String own = Long.toString(ProcessHandle.current().pid());
        assertEquals(Optional.of(Duration.ofSeconds(30)), watchdog(Map.of("WATCHDOG_USEC", "30000000")));
        assertEquals(
                Optional.of(Duration.ofSeconds(30)),
                watchdog(Map.of("WATCHDOG_USEC", "30000000", "WATCHDOG_PID", own)));
        assertEquals(Optional.empty(), watchdog(Map.of("WATCHDOG_USEC", "30000000", "WATCHDOG_PID", "1")));
        assertEquals(Optional.empty(), watchdog(Map.of("WATCHDOG_USEC", "soon")));
        assertEquals(Optional.empty(), watchdog(Map.of()));
    }

    private static Optional<Duration> watchdog(Map<String, String> environment) {
        return SdNotify.of(environment).watchdog();
    }
}
