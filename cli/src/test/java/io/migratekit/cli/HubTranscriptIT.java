package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does docs/operations.md show the hub as it is? Every command of the page is run, and what it says is compared. */
class HubTranscriptIT {
    private static final Path PAGE = Path.of("..", "docs", "operations.md");

    @TempDir
    private Path folder;

    @Test
    void theHubByHandGoesAsThePageShows() throws Exception {
        List<String> page = Transcript.linesOf(PAGE, "HubTranscriptIT");
        assertTrue(page.stream().filter(line -> line.startsWith("$ ")).count() > 15, page::toString);
        Transcript transcript = new Transcript(
                folder, Map.of("/run/", folder.resolve("run") + "/", "/srv/", folder.resolve("srv") + "/"));
        Files.createDirectory(folder.resolve("run"));
        String program = Path.of("..", "bin").toRealPath().toString();
        List<String> here = transcript.run(page, program + ":" + System.getenv("PATH"));
        assertEquals(Transcript.comparable(page), Transcript.comparable(here), () -> String.join("\n", here));
    }

    /** What the page's last line ends, if the page was not right. */
    @AfterEach
    void end() throws Exception {
        Path pid = folder.resolve("run/web.pid");
        if (Files.exists(pid)) {
            ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).ifPresent(ProcessHandle::destroy);
        }
    }
}
