package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.LoopbackSshd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a hub have a VM backed up through its API alone, as docs/operations.md shows, also where it cannot call its agent? */
class AgentTranscriptIT {
    private static final Path PAGE = Path.of("..", "docs", "operations.md");
    /** What goes to the agent itself; all else goes to the hub. */
    private static final String CALLS = ".*(9081/health|/live).*";

    @TempDir
    private Path folder;

    @Test
    void theHubCallsItsAgent() throws Exception {
        List<String> page = Transcript.linesOf(PAGE, "AgentTranscriptIT");
        assertTrue(page.stream().filter(line -> line.startsWith("$ ")).count() > 12, page::toString);
        List<String> here = run(page);
        assertEquals(Transcript.comparable(page), Transcript.comparable(here), () -> said(here));
    }

    @Test
    void theAgentAsksAndNobodyCallsIt() throws Exception {
        List<String> page = Transcript.linesOf(PAGE, "AgentTranscriptIT");
        List<String> here = run(page, "AllowTcpForwarding local");
        List<String> commands =
                page.stream().filter(line -> line.matches("\\$ " + CALLS)).toList();
        assertEquals(2, commands.size(), page::toString);
        // What the two said instead is left out, as is what the page shows.
        assertEquals(Transcript.comparable(without(page)), Transcript.comparable(without(here)), () -> said(here));
        assertTrue(said(here).contains("the hub cannot call this agent, which goes on asking"), () -> said(here));
        assertTrue(String.join("\n", here).contains("Failed to connect"), () -> said(here));
    }

    private static List<String> without(List<String> lines) {
        boolean[] isCall = {false};
        return lines.stream()
                .filter(line -> {
                    if (line.startsWith("$ ")) {
                        isCall[0] = line.matches("\\$ " + CALLS);
                    }
                    return !isCall[0];
                })
                .toList();
    }

    private String said(List<String> here) {
        try {
            return String.join("\n", here) + "\n" + Files.readString(folder.resolve("agent.log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private List<String> run(List<String> page, String... sshd) throws Exception {
        Path keys = Files.createDirectory(folder.resolve("ssh"));
        try (HubLab lab = new HubLab(Files.createDirectory(folder.resolve("lab")), 8 << 20);
                LoopbackSshd ssh = LoopbackSshd.start(keys, sshd)) {
            Files.copy(ssh.userKey(), folder.resolve("hub.key"));
            Files.copy(ssh.knownHosts(), folder.resolve("known_hosts"));
            Files.writeString(
                    folder.resolve("password"),
                    lab.source().vcenter().settings().password() + "\n");
            Files.writeString(folder.resolve("agent.toml"), """
                    [hub]
                    url = "unix:%s"
                    [vcenter.main]
                    endpoint = "%s"
                    username = "%s"
                    password-file = "password"
                    thumbprint = "%s"
                    """.formatted(
                            lab.hub().socket(),
                            lab.source().vcenter().endpoint(),
                            lab.source().vcenter().settings().username(),
                            lab.source().vcenter().sha256()));
            Map<String, String> places = new TreeMap<>(Map.of(
                    "/run/hub.sock",
                    lab.hub().socket().toString(),
                    "migratekit@hub",
                    "127.0.0.1:" + ssh.port(),
                    "9081",
                    Integer.toString(LoopbackSshd.freePort()),
                    "--vddk-libdir /opt/vddk",
                    "--listen 127.0.0.1:" + LoopbackSshd.freePort() + " --state-dir " + folder.resolve("state")
                            + " --vddk-plugin '"
                            + String.join(" ", lab.source().standIn().plugin()) + "'"));
            String program = Path.of("..", "bin").toRealPath().toString();
            return new Transcript(folder, places).run(page, program + ":" + System.getenv("PATH"));
        }
    }
}
