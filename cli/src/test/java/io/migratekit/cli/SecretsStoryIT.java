package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Postgres;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.Settings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does any secret leave the file in which it was given, from the first login to the last restore, with all that goes wrong on the way?
 * Everything is verbose; every byte that is written anywhere is looked at afterwards, and all processes all the time.
 */
@SuppressWarnings("NullAway.Init") // The key is made before any use.
@Tag("long")
class SecretsStoryIT {
    private static final long MIB = 1 << 20;
    private static final Duration SOON = Duration.ofSeconds(60);
    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final Canaries canaries = new Canaries(random);
    private final Instant begun = Instant.now();
    private final ConcurrentLinkedQueue<String> posted = new ConcurrentLinkedQueue<>();

    @TempDir
    private Path folder;

    // ---- the sniffers themselves

    @Test
    void whatIsThereIsFoundHoweverItIsWritten() throws Exception {
        String secret = canaries.make("decoy", SecretsStory.ODD, " %'");
        byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
        List<byte[]> ways = new ArrayList<>();
        for (String way : List.of(
                secret,
                new com.google.gson.Gson().toJson(secret),
                java.net.URLEncoder.encode(secret, StandardCharsets.UTF_8),
                HexFormat.of().formatHex(bytes),
                HexFormat.of().withUpperCase().formatHex(bytes),
                Base64.getEncoder().encodeToString(("u:" + secret).getBytes(StandardCharsets.UTF_8)),
                Base64.getEncoder().encodeToString(("us:" + secret).getBytes(StandardCharsets.UTF_8)),
                Base64.getUrlEncoder().encodeToString(("use:" + secret).getBytes(StandardCharsets.UTF_8)))) {
            ways.add(way.getBytes(StandardCharsets.UTF_8));
        }
        ways.add(secret.getBytes(StandardCharsets.UTF_16LE));
        ways.add(secret.getBytes(StandardCharsets.UTF_16BE));
        for (byte[] way : ways) {
            Path file = Files.write(folder.resolve("planted"), way);
            assertNotEquals(Set.of(), canaries.below(folder), new String(way, StandardCharsets.UTF_8));
            // Also across the border of two pieces of the file.
            byte[] far = new byte[(int) MIB - way.length / 2 + way.length];
            System.arraycopy(way, 0, far, far.length - way.length, way.length);
            Files.write(file, far);
            assertNotEquals(Set.of(), canaries.below(folder), new String(way, StandardCharsets.UTF_8));
        }
        for (boolean inEnvironment : new boolean[] {false, true}) {
            try (ProcessSniffer sniffer = new ProcessSniffer(canaries)) {
                ProcessBuilder builder = new ProcessBuilder("sleep", "30");
                if (inEnvironment) {
                    builder.environment().put("DECOY", secret);
                } else {
                    builder.command("sh", "-c", "sleep 30; :", secret);
                }
                Process process = builder.start();
                try {
                    String where = inEnvironment ? "environ" : "cmdline";
                    Waiting.until(
                            "it is seen", SOON, () -> sniffer.found().toString().contains(where));
                } finally {
                    process.descendants().forEach(ProcessHandle::destroyForcibly);
                    process.destroyForcibly();
                }
            }
        }
    }

    // ---- the story

    private Path key;
    private Path passphrase;

    @Test
    void noSecretIsSeenAnywhere() throws Exception {
        System.out.println("secrets: seed=" + seed);
        makeKey();
        String ofDatabase = canaries.make("database password", "d'$ ", "#;");
        Settings settings = Settings.DEFAULT.user(
                Settings.DEFAULT.username(), canaries.make("vCenter password", SecretsStory.ODD, " %'"));
        HttpServer hook = webhook();
        try (LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("sshd")));
                MigrateLab lab = new MigrateLab(folder, settings, 24 * MIB);
                Postgres postgres = Postgres.start(ofDatabase)) {
            canaries.given(
                    folder.resolve("password"),
                    folder.resolve("vcenter/password"),
                    postgres.folder().resolve("password"));
            Files.writeString(
                    folder.resolve("sshd/authorized_keys"),
                    Files.readString(Path.of(key + ".pub")),
                    StandardOpenOption.APPEND);
            Path database = canaries.give(folder.resolve("database-password"), ofDatabase);
            List<String> shared = List.of("--database", postgres.database("secrets"), "--database-user", Postgres.USER);
            String hookUrl =
                    "http://127.0.0.1:" + hook.getAddress().getPort() + canaries.make("webhook", "/hook?a=", "&b=c");
            Path webhook = canaries.give(folder.resolve("webhook"), hookUrl);
            try (ProcessSniffer sniffer = new ProcessSniffer(canaries)) {
                try (HubProcess hub = HubProcess.start(
                                folder.resolve("h"),
                                SecretsStory.words(
                                        List.of("--listen", "127.0.0.1:0", "-v", "--alarm-after", "1s"),
                                        shared,
                                        List.of("--database-password-file", database.toString()),
                                        List.of("--webhook-file", webhook.toString())));
                        // This one has a database of its own, a file.
                        HubProcess second = HubProcess.start(folder.resolve("o"), "--listen", "127.0.0.1:0", "-v");
                        ServiceProcess service = ServiceProcess.start(folder, sshd, key, passphrase)) {
                    SecretsStory story = new SecretsStory(
                            folder,
                            canaries,
                            random,
                            new SecretsStory.Cast(sshd, key, passphrase, lab, hub, second, service));
                    CopyProcess refused = story.refused(shared);
                    story.anAgentServes();
                    // It looks for alarms when it starts, and every minute.
                    hub.kill();
                    hub.startAgain();
                    story.aBackupCrashesAndGoesOn();
                    story.whatIsKept();
                    Duration told = Duration.between(begun, Instant.now());
                    System.out.println("secrets: the story took " + told.toSeconds() + " s");
                    Run none = refused.end(SOON);
                    assertNotEquals(0, none.code(), none::toString);
                    assertTrue(none.err().contains("authentication failed"), none::toString);
                    Waiting.until("an alarm was posted", SOON, () -> hub.said().contains("webhook=127.0.0.1"));
                    assertFalse(posted.isEmpty());
                }
                assertEquals(Set.of(), sniffer.found(), "seed " + seed);
                System.out.println("secrets: " + sniffer.rounds() + " looks at all processes");
            }
            Files.writeString(folder.resolve("sshd.said"), sshd.log());
            postgres.run("secrets", "checkpoint");
            assertEquals(Set.of(), everywhere(postgres.folder()), "seed " + seed);
            // If this one is not found, nothing would be.
            Path planted = Files.writeString(folder.resolve("h/planted"), Files.readString(database));
            assertEquals(
                    Set.of("database password (plain) in " + planted), everywhere(postgres.folder()), "seed " + seed);
        } finally {
            hook.stop(0);
        }
    }

    private void makeKey() throws IOException {
        String opener = canaries.make("passphrase", "p\"& ", "!");
        key = folder.resolve("key");
        Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key.toString());
        watchKey("the open key");
        Tool.run("ssh-keygen", "-q", "-p", "-P", "", "-N", opener, "-f", key.toString());
        watchKey("the encrypted key");
        canaries.given(key);
        passphrase = canaries.give(folder.resolve("passphrase"), opener);
    }

    private void watchKey(String name) throws IOException {
        // The beginning is the same for all keys of its kind.
        List<String> lines = Files.readAllLines(key);
        lines.subList(2, lines.size() - 2).forEach(line -> canaries.watch(name, line));
    }

    /** Takes alarms, but the first time it ends the connection without an answer. */
    private HttpServer webhook() throws IOException {
        HttpServer hook = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 5);
        hook.createContext("/", exchange -> {
            posted.add(exchange.getRequestURI().toString());
            if (posted.size() > 1) {
                exchange.sendResponseHeaders(204, -1);
            }
            exchange.close();
        });
        hook.start();
        return hook;
    }

    /** The secrets in our folder, in that of the database, and in what else was made meanwhile for temporary files. */
    private Set<String> everywhere(Path database) throws IOException {
        Set<String> found = canaries.below(database);
        // The hub has to show an agent the token of its door when it calls, and so have others that share its database.
        found.removeIf(what -> what.startsWith(SecretsStory.OF_DOOR));
        found.addAll(canaries.below(folder));
        try (Stream<Path> others = Files.list(Path.of("/tmp"))) {
            for (Path path : (Iterable<Path>) others::iterator) {
                String name = path.getFileName().toString();
                boolean maybeOurs = name.matches("(migratekit|qemu-img|nbdkit|hsperfdata|tool|copy|vddk).*");
                if (maybeOurs
                        && Files.exists(path)
                        && !path.equals(database)
                        && Files.getLastModifiedTime(path).toInstant().isAfter(begun)) {
                    found.addAll(canaries.below(path));
                }
            }
        }
        return found;
    }
}
