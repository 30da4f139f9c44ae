package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Where is the state, if nobody says where? */
class StateDirectoryTest {
    @Test
    void theVariableBeatsTheSystemsCustoms() {
        assertEquals(
                Path.of("/srv/state"), StateDirectory.byDefault(Map.of("MIGRATEKIT_STATE_DIR", "/srv/state"), true));
        assertEquals(
                Path.of("state").toAbsolutePath(),
                StateDirectory.byDefault(Map.of("MIGRATEKIT_STATE_DIR", "state", "HOME", "/home/me"), false));
    }

    @Test
    void rootHasTheSystemsPlaceAndOthersTheirOwn() {
        Map<String, String> home = Map.of("HOME", "/home/me", "MIGRATEKIT_STATE_DIR", "");
        assertEquals(Path.of("/var/lib/migratekit"), StateDirectory.byDefault(home, true));
        assertEquals(Path.of("/home/me/.local/state/migratekit"), StateDirectory.byDefault(home, false));
        Map<String, String> xdg = Map.of("HOME", "/home/me", "XDG_STATE_HOME", "/data/me");
        assertEquals(Path.of("/data/me/migratekit"), StateDirectory.byDefault(xdg, false));
        Map<String, String> relative = Map.of("HOME", "/home/me", "XDG_STATE_HOME", "state");
        assertEquals(Path.of("/home/me/.local/state/migratekit"), StateDirectory.byDefault(relative, false));
        assertThrows(JobException.Storage.class, () -> StateDirectory.byDefault(Map.of(), false));
    }

    @Test
    void knowsWhoItIs() {
        assertEquals(System.getProperty("user.name").equals("root"), StateDirectory.isRoot());
    }
}
