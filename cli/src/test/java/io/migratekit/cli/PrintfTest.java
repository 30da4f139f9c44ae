package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Do our numbers round as C's printf does? The expected ones are what glibc prints for {@code %.1f} and {@code %g}. */
class PrintfTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0.0, 0",
        "100, 100.0, 100",
        "50, 50.0, 50",
        "12.25, 12.2, 12.25",
        "0.25, 0.2, 0.25",
        "0.75, 0.8, 0.75",
        "0.05, 0.1, 0.05",
        "0.15, 0.1, 0.15",
        "33.333333333, 33.3, 33.3333",
        "99.99995, 100.0, 99.9999",
        "99.999995, 100.0, 100",
        "0.0001, 0.0, 0.0001",
        "0.000123456789, 0.0, 0.000123457",
        "9.99999e-5, 0.0, 9.99999e-05",
        "1e-5, 0.0, 1e-05",
        "1.5e-11, 0.0, 1.5e-11",
        "123456.5, 123456.5, 123456",
        "999999.5, 999999.5, 1e+06",
        "1000000, 1000000.0, 1e+06",
        "0.1, 0.1, 0.1",
    })
    void roundsAsPrintf(double value, String oneDecimal, String percentG) {
        assertEquals(oneDecimal, MapTotals.oneDecimal(value));
        assertEquals(percentG, MapTotals.asPercentG(value));
    }
}
