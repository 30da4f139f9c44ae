package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Which names can a job have, and what is a user told about the others? */
class JobIdTest {
    @Test
    void takesWhatIsAFolderNameEverywhere() {
        for (String good : List.of("a", "web01", "_x", "0", "nightly-2026.11.20_web01", "A".repeat(64))) {
            assertEquals(good, new JobId(good).toString());
            assertTrue(JobId.isValid(good));
        }
    }

    @Test
    void refusesTheRestAndSaysWhy() {
        assertEquals(
                "the job id 'a/b' cannot be used: it has the character '/'. A job id consists of the letters A-Z and"
                        + " a-z, digits, '.', '_' and '-', begins with a letter, a digit or '_', and has at most 64"
                        + " characters.",
                refusal("a/b"));
        assertSaid("it is empty", "");
        assertSaid("it begins with '.'", "..");
        assertSaid("it begins with '-'", "-rf");
        assertSaid("it has 65 characters", "x".repeat(65));
        assertSaid("it has the character 'ü'", "grün");
        assertSaid("it has the character '\uD83D\uDCBE'", "disk\uD83D\uDCBE");
        assertSaid("it has the character '?'", "bell\u0007");
        assertTrue(refusal("x".repeat(100_000) + "/").length() < 500);
    }

    private static void assertSaid(String reason, String id) {
        assertFalse(JobId.isValid(id));
        String said = refusal(id);
        assertTrue(said.contains(" cannot be used: " + reason + ". "), said);
    }

    private static String refusal(String id) {
        return assertThrows(JobException.BadId.class, () -> new JobId(id)).getMessage();
    }
}
