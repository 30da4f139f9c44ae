package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How many connections does it take to write fast over a long road, when each may have 2 MiB under way? */
class SshRoadTest {
    @ParameterizedTest
    @CsvSource({"0,1", "1,1", "20,4", "50,10", "200,40"})
    void connectionsFollowTheRoundTrip(long roundTripMillis, int connections) {
        assertEquals(connections, SshRoad.connectionsToFill(Duration.ofMillis(roundTripMillis)));
    }
}
