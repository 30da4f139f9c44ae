package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Do sizes read as people write them, and print as nbdinfo and as people say them? */
class SizesTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "1048576, 1048576",
        "64K, 65536",
        "64k, 65536",
        "64KiB, 65536",
        "' 64kib ', 65536",
        "200M, 209715200",
        "3G, 3221225472",
        "64T, 70368744177664",
        "1P, 1125899906842624",
        "0G, 0",
        "9223372036854775807, 9223372036854775807",
        "8191P, 9222246136947933184",
    })
    void parses(String written, long bytes) {
        assertEquals(bytes, Sizes.parse(written));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "K", "-1", "1.5G", "1 M", "64KB", "64B", "0x10", "1e3", "1iB", "64KK", "٣"})
    void refusesWhatIsNoSize(String written) {
        String message = assertThrows(IllegalArgumentException.class, () -> Sizes.parse(written))
                .toString();
        assertTrue(message.contains("'" + written + "' is not a size: write"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"9223372036854775808", "8192P", "99999999999999999999999999T"})
    void refusesWhatIsTooLarge(String written) {
        String message = assertThrows(IllegalArgumentException.class, () -> Sizes.parse(written))
                .toString();
        assertTrue(message.contains("too large"), message);
    }

    // nbdkit null SIZE --run 'nbdinfo --no-content $uri' | grep export-size
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "1, 1",
        "512, 512",
        "1023, 1023",
        "1024, 1024 (1K)",
        "1536, 1536",
        "1048576, 1048576 (1M)",
        "1048577, 1048577",
        "10737418240, 10737418240 (10G)",
        "1099511627776, 1099511627776 (1T)",
        "1152921504606846976, 1152921504606846976 (1E)",
        "9223372036854774784, 9223372036854774784 (9007199254740991K)",
    })
    void printsAsNbdinfo(long bytes, String expected) {
        assertEquals(expected, Sizes.withExact(bytes));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1, 1 B",
        "1023, 1023 B",
        "1024, 1 KiB",
        "1025, 1.0 KiB",
        "1536, 1.5 KiB",
        "1048575, 1.0 MiB",
        "1048576, 1 MiB",
        "3650722202, 3.4 GiB",
        "70368744177664, 64 TiB",
        "9223372036854775807, 8.0 EiB",
    })
    void roundsForPeople(long bytes, String expected) {
        assertEquals(expected, Sizes.rounded(bytes));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 10, 0%",
        "10, 10, 100%",
        "1, 3, 33.3%",
        "1, 1000000, <0.1%",
        "999999, 1000000, >99.9%",
        "9223372036854775806, 9223372036854775807, >99.9%",
    })
    void onlyAllIsHundredPercentAndOnlyNothingIsZero(long bytes, long of, String expected) {
        assertEquals(expected, Sizes.percent(bytes, of));
    }

    @Test
    void whatIsPrintedExactlyReadsBack() {
        for (int shift = 0; shift < 60; shift++) {
            assertEquals(5L << shift, Sizes.parse(Sizes.exact(5L << shift)));
        }
    }
}
