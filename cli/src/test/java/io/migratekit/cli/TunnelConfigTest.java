package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.HostKeys;
import io.migratekit.tunnel.SshKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is the configuration understood, and is every slip in it found, with the line on which it stands? */
class TunnelConfigTest {
    private static final String PIN = "SHA256:" + "A".repeat(43);

    @TempDir
    private Path folder;

    @Test
    void theExampleIsUnderstood() throws IOException {
        String example = Files.readString(Path.of("../systemd/migratekit.toml.example"));
        assertTrue(example.contains("key = \"credential:key\""), example);
        TunnelConfig tunnel =
                read(example.replace("credential:key", "tunnel.key")).requireTunnel("hub");
        assertEquals(
                "migratekit-tunnel@hub.example.net:22", tunnel.spec().target().toString());
        assertEquals(SshKeys.of(folder.resolve("tunnel.key")), tunnel.spec().keys());
        assertEquals(
                new HostKeys.KnownHosts(List.of(folder.resolve("known_hosts"))),
                tunnel.spec().hostKeys());
        assertEquals(
                List.of(
                        Forward.toPort(10808, 10809),
                        new Forward.ReverseTcp("127.0.0.1", 9081, Forward.loopback(8081))),
                tunnel.spec().forwards());
        assertEquals(Duration.ofSeconds(15), tunnel.spec().limits().silence());
        // What stands behind a comment sign in the example is no less true.
        String all = example.replace("# health", "health")
                .replace("# data-links", "data-links")
                .replace("# traffic", "traffic")
                .replace("credential:key", "k");
        assertTrue(read(all).requireTunnel("hub").health().isPresent());
    }

    @Test
    void credentialsOfSystemdAreTaken() throws IOException {
        Path key = Files.writeString(folder.resolve("key"), "");
        Path passphrase = Files.writeString(folder.resolve("passphrase"), "");
        Map<String, String> environment = Map.of("CREDENTIALS_DIRECTORY", folder.toString());
        for (String line : List.of("", "key = \"credential:key\"")) {
            TunnelConfig tunnel = TunnelConfig.read("t", table("host = \"h\"\n" + line), environment);
            assertEquals(
                    List.of(new SshKeys.KeyFile(key, Optional.of(passphrase))),
                    tunnel.spec().keys().files());
        }
    }

    @Test
    void slipsAreFoundWithTheirLines() throws IOException {
        assertWrong("line 3: [tunnel.t]: the key prot is not known; known are", "host = \"h\"\nprot = 22");
        assertWrong("lacks the key host", "port = 22");
        assertWrong("line 3: [tunnel.t]: the key port is to be a whole number", "host = \"h\"\nport = \"22\"");
        assertWrong("the key host is wrong: 99999 is not a port", "host = \"h\"\nport = 99999");
        assertWrong("line 3: [tunnel.t]: the key fingerprint is wrong", "host = \"h\"\nfingerprint = \"MD5:a\"");
        assertWrong("two ways", "host = \"h\"\nfingerprint = \"" + PIN + "\"\nknown-hosts = \"f\"");
        assertWrong("is not a time", "host = \"h\"\nkeepalive = \"soon\"");
        assertWrong("is to be at least 1", "host = \"h\"\nmisses = 0");
        assertWrong("did not hand over", "host = \"h\"\nkey = \"credential:none\"");
        assertWrong("is to look like http://", "host = \"h\"\nhealth = \"https://h/\"");
        assertWrong("not between 1 and 32", "host = \"h\"\ndata-links = 99");
        assertWrong("a list of tables", "host = \"h\"\nforwards = [1]");
        assertWrong("local or reverse", forward("type = \"dynamic\"\nlisten = \"1\"\nto = \"2\""));
        assertWrong(
                "line 7: [tunnel.t.forwards[0]]: the key form is not known",
                forward("type = \"local\"\nlisten = \"1\"\nto = \"2\"\nform = 1"));
        assertWrong("other machines reach it", forward("type = \"local\"\nlisten = \"0.0.0.0:1\"\nto = \"2\""));
        assertWrong("not on a socket", forward("type = \"reverse\"\nlisten = \"unix:/s\"\nto = \"2\""));
    }

    @Test
    void theFileItselfIsJudged() throws IOException {
        assertTrue(
                fails(() -> read("[tunel.t]\nhost = \"h\"")).contains("line 1: the top: the key tunel is not known"));
        assertTrue(fails(() -> read("[tunnel.t\n")).contains("line 1"));
        assertTrue(fails(() -> ConfigFile.read(folder.resolve("none"))).contains("there is no such file"));
        Path latin = Files.write(folder.resolve("latin.toml"), new byte[] {'#', (byte) 0xfc, '\n'});
        assertEquals(
                "cannot read the configuration " + latin + ": it is not UTF-8", fails(() -> ConfigFile.read(latin)));
        assertTrue(
                fails(() -> read("[tunnel.a]\nhost=\"h\"\n").requireTunnel("b")).contains("there are a"));
        assertTrue(fails(() -> read("[tunnel.\"a b\"]\nhost=\"h\"\n").requireTunnel("a b"))
                .contains("cannot be the name"));
        Run run = Run.migratekit(
                "tunnel", "check", "--config", folder.resolve("none").toString(), "name");
        assertEquals(2, run.code(), run.err());
    }

    @Test
    void theUsualPlacesFollowTheEnvironment() {
        assertEquals(
                List.of(Path.of("/etc/migratekit/migratekit.toml"), Path.of("/h/.config/migratekit/migratekit.toml")),
                ConfigFile.usual(Map.of("HOME", "/h")));
        assertEquals(
                Path.of("/x/migratekit/migratekit.toml"),
                ConfigFile.usual(Map.of("HOME", "/h", "XDG_CONFIG_HOME", "/x")).getLast());
    }

    private static String forward(String lines) {
        return "host = \"h\"\n[[tunnel.t.forwards]]\n" + lines;
    }

    private void assertWrong(String words, String lines) throws IOException {
        String said = fails(() -> read("[tunnel.t]\n" + lines + "\n").requireTunnel("t"));
        assertTrue(said.contains(words), said);
        assertTrue(said.startsWith(folder.resolve("migratekit.toml").toString()), said);
    }

    private static String fails(org.junit.jupiter.api.function.Executable reading) {
        CommandFailed e = assertThrows(CommandFailed.class, reading);
        assertEquals(ExitCode.USAGE, e.code());
        return String.valueOf(e.getMessage());
    }

    private ConfigFile read(String content) throws IOException {
        return ConfigFile.read(Files.writeString(folder.resolve("migratekit.toml"), content));
    }

    private ConfigTable table(String lines) {
        return new ConfigTable(folder.resolve("migratekit.toml"), "t", org.tomlj.Toml.parse(lines));
    }
}
