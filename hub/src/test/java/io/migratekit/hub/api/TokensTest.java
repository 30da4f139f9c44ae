package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.files.ProcessLock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does every change of the tokens survive, whoever makes another one at the same time, and does it count at once? */
class TokensTest {
    @TempDir
    private Path folder;

    @Test
    void noneOfManyWhoChangeTheTokensAtOnceUndoesAnother() throws Exception {
        Tokens known = new Tokens(folder);
        known.add("goes", Tokens.Scope.ADMIN, Set.of());
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<String>> secrets = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                String name = "token-" + i;
                secrets.add(threads.submit(() -> new Tokens(folder).add(name, Tokens.Scope.READ, Set.of())));
            }
            assertTrue(new Tokens(folder).remove("goes"));
            for (Future<String> secret : secrets) {
                assertTrue(known.find(secret.get(30, TimeUnit.SECONDS)).isPresent());
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(24, known.list().size());
    }

    /** What the clock and the size of the file do not tell apart. */
    @Test
    void aTokenOfTheSameNameReplacesTheOneBeforeAtOnce() throws IOException {
        Tokens asked = new Tokens(folder);
        Tokens changed = new Tokens(folder);
        String before = "";
        for (int i = 0; i < 50; i++) {
            String now = changed.add("agent", Tokens.Scope.READ, Set.of());
            assertTrue(asked.find(now).isPresent(), "change " + i);
            assertFalse(asked.find(before).isPresent(), "change " + i);
            changed.remove("agent");
            before = now;
        }
    }

    @Test
    void whoeverHoldsTheTokensForTooLongIsNamed() throws IOException {
        try (ProcessLock _ =
                ProcessLock.tryAcquire(folder.resolve("tokens.lock")).orElseThrow()) {
            long start = System.nanoTime();
            Tokens.TokenFailed busy = assertThrows(
                    Tokens.TokenFailed.class, () -> new Tokens(folder).add("a", Tokens.Scope.READ, Set.of()));
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(15));
            assertTrue(String.valueOf(busy.getMessage()).contains("tokens.lock"), busy.getMessage());
        }
    }
}
