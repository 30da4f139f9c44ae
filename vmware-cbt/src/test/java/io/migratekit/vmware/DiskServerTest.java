package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Does a real nbdkit serve a frozen disk with VDDK's parameters, does its end leave nothing, and is its trouble explained? */
@Timeout(60)
class DiskServerTest {
    private static final long SIZE_BYTES = 24 << 20;

    @TempDir
    private Path directory;

    private final List<String> told = new CopyOnWriteArrayList<>();
    private VddkStandIn standIn;
    private Path frozen;
    private DiskServerSpec spec;

    @BeforeEach
    void freezeADisk() throws IOException {
        long seed = ThreadLocalRandom.current().nextLong();
        System.out.println("DiskServerTest: seed " + seed);
        standIn = VddkStandIn.in(directory.resolve("sim"), Disks.PASSWORD);
        frozen = standIn.frozen(Disks.SNAPSHOT, Disks.FILE);
        Path made = new NbdImages(directory, seed)
                .raw("disk.raw", SIZE_BYTES, new ByteRange(0, 4096), new ByteRange(8 << 20, 5 << 20));
        Files.move(made, frozen);
        spec = DiskServerSpec.DEFAULT.withPlugin(standIn.plugin()).withLimits(Disks.QUICK);
    }

    @Test
    void servesTheFrozenDiskByteForByteAndLetsItGo() throws IOException {
        Path folder;
        try (DiskServer server = start(spec)) {
            folder = Disks.folder(server);
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
            String uri = server.uri().toString();
            Path copy = directory.resolve("copy.raw");
            Tool.run("nbdcopy", uri, copy.toString());
            assertEquals(-1, Files.mismatch(frozen, copy));
            assertEquals(
                    List.of("4096 data", "8384512 hole", "5242880 data", "11534336 hole"),
                    Tool.run("nbdinfo", "--map", uri)
                            .lines()
                            .map(line -> line.strip().split(" +"))
                            .map(part -> part[1] + " " + (part[3].startsWith("hole") ? "hole" : "data"))
                            .toList());
            try (NbdConnection connection = NbdConnection.open(server.uri(), ConnectSpec.of("test"))) {
                assertTrue(connection.info().readOnly());
                assertFalse(connection.info().multiConn());
                assertTrue(VddkStandIn.isOpen(frozen));
            }
            assertEquals(Optional.empty(), server.trouble());
        }
        assertFalse(Files.exists(folder));
        Waiting.until("the disk is closed", Duration.ofSeconds(5), () -> !Files.exists(Path.of(frozen + ".open")));
        assertEquals(
                "waiting up to PT30S for nbdkit to listen for", told.getFirst().substring(0, 44));
        assertTrue(told.get(2).contains("PT2M for the first opening of"), told.toString());
    }

    @Test
    void closingAgainIsNoMistake() {
        DiskServer server = start(spec);
        server.close();
        server.close();
        assertEquals(Optional.empty(), server.trouble());
    }

    @Test
    void thePasswordIsNowhereToBeSeen() throws IOException {
        try (DiskServer server = start(spec)) {
            String process = "/proc/" + server.pid();
            assertFalse(holds(Path.of(process, "cmdline"), Disks.PASSWORD), "among the arguments");
            assertTrue(holds(Path.of(process, "cmdline"), "password=-3"));
            assertFalse(holds(Path.of(process, "environ"), Disks.PASSWORD), "in the environment");
            assertFalse(server.output().contains(Disks.PASSWORD));
            try (Stream<Path> files = Files.walk(Disks.folder(server))) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    assertFalse(holds(file, Disks.PASSWORD), file.toString());
                }
            }
            Set<String> variables = new TreeSet<>();
            for (String variable : Files.readString(Path.of(process, "environ")).split("\0", -1)) {
                variables.add(variable.replaceFirst("=.*", ""));
            }
            variables.removeAll(Set.of("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LC_ALL", "PWD", "OLDPWD"));
            variables.removeAll(Set.of("", "_", "SHLVL")); // Some shells add these.
            assertEquals(Set.of(), variables);
        }
    }

    @Test
    void aTalkativeOneDoesNotTellThePassword() {
        try (DiskServer server = start(spec.withVerbose(true))) {
            assertTrue(server.output().contains("debug:"), server.output());
            assertFalse(server.output().contains("warning:"), server.output());
            assertFalse(server.output().contains(Disks.PASSWORD), server.output());
        }
    }

    @Test
    void oneThatDoesNotEndIsKilledWithinItsLimits() throws Exception {
        Process reader = null;
        try {
            DiskServer server = start(spec);
            standIn.fault("hang-read");
            reader = new ProcessBuilder("nbdcopy", server.uri().toString(), "null:")
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("reader.log").toFile())
                    .start();
            Waiting.until("a read hangs", Duration.ofSeconds(10), () -> Files.exists(Path.of(frozen + ".open")));
            long begin = System.nanoTime();
            server.close();
            assertBelow(Duration.ofSeconds(8), begin);
            assertTrue(isGone(server.pid()));
            assertFalse(VddkStandIn.isOpen(frozen));
        } finally {
            if (reader != null) {
                reader.destroyForcibly();
            }
        }
    }

    @Test
    void aWrongPasswordIsNamedAsTheCause() {
        String message = failure(() -> DiskServer.start(
                Disks.vCenter("wrong"),
                Disks.VM,
                Disks.SNAPSHOT,
                Disks.disk(SIZE_BYTES),
                spec,
                Disks.SEEN,
                Optional.empty(),
                DiskServer.Listener.NONE));
        assertTrue(message.contains("did not accept the user name and the password"), message);
        assertFalse(message.contains("wrong"), message);
    }

    @Test
    void aPasswordThatNbdkitCannotReadIsRefused() {
        for (String password : List.of("", "two\nlines")) {
            assertThrows(
                    VSphereException.BadSpec.class,
                    () -> DiskServer.start(
                            Disks.vCenter(password),
                            Disks.VM,
                            Disks.SNAPSHOT,
                            Disks.disk(SIZE_BYTES),
                            spec,
                            Disks.SEEN,
                            Optional.empty(),
                            DiskServer.Listener.NONE));
        }
    }

    @Test
    void anotherCertificateIsNamedAsTheCause() throws IOException {
        standIn.thumbprint(Thumbprint.parse("ff".repeat(20)));
        String message = failure(() -> start(spec));
        assertTrue(message.contains("'migratekit vmware thumbprint HOST'"), message);
    }

    @Test
    void onlyASha1ThatFitsThePinIsPassedOn() {
        assertThrows(VSphereException.BadSpec.class, () -> start(spec, Thumbprint.parse("ab".repeat(32))));
        assertThrows(VSphereException.Untrusted.class, () -> start(spec, Thumbprint.parse("ab".repeat(20))));
    }

    @Test
    void aMissingProgramPluginOrLibraryIsExplained() {
        String program = failure(() -> start(spec.withNbdkit("/nowhere/nbdkit")));
        assertTrue(program.contains("apt-get install nbdkit"), program);
        String plugin = failure(() -> start(spec.withPlugin(List.of("no-such-vddk"))));
        assertTrue(plugin.contains("nbdkit-plugin-vddk in contrib"), plugin);
        String library = failure(() -> start(spec.withLibdir(Path.of("/nowhere/vddk"))));
        assertTrue(library.contains("Unpack VDDK 6.7 or newer"), library);
    }

    @Test
    void aMissingFilterIsNotedAndDoneWithout() {
        List<DiskServerSpec.Filter> filters = new ArrayList<>(DiskServerSpec.FILTERS);
        filters.add(new DiskServerSpec.Filter("no-such", List.of("no-such-parameter=1")));
        try (DiskServer _ = start(spec.withFilters(filters))) {
            assertTrue(told.getFirst().contains("has no filter no-such"), told.toString());
        }
    }

    @Test
    void oneThatHangsBeforeItListensIsGivenUp() throws IOException {
        standIn.fault("hang-load");
        long begin = System.nanoTime();
        String message = failure(() -> start(spec.withLimits(Disks.QUICK.withReady(Duration.ofMillis(500)))));
        assertBelow(Duration.ofSeconds(8), begin);
        assertTrue(message.contains("was not ready within 500 ms"), message);
    }

    @Test
    void oneThatHangsWhileItOpensTheDiskIsGivenUp() throws IOException {
        standIn.fault("hang-open");
        long begin = System.nanoTime();
        String message = failure(() -> start(spec.withLimits(Disks.QUICK.withOpen(Duration.ofMillis(500)))));
        assertBelow(Duration.ofSeconds(8), begin);
        assertTrue(message.contains("within 500 ms"), message);
    }

    @Test
    void anotherSizeThanVCenterSaysIsRefused() {
        String message = failure(() -> DiskServer.start(
                Disks.vCenter(Disks.PASSWORD),
                Disks.VM,
                Disks.SNAPSHOT,
                Disks.disk(SIZE_BYTES + 512),
                spec,
                Disks.SEEN,
                Optional.empty(),
                DiskServer.Listener.NONE));
        assertTrue(message.contains("shows 25165824 bytes") && message.contains("25166336"), message);
    }

    @Test
    void aMissingDiskIsExplained() throws IOException {
        Files.delete(frozen);
        String message = failure(() -> start(spec));
        assertTrue(message.contains("begin anew with a new snapshot"), message);
    }

    @Test
    void anEndInMidwayIsNoticedAndExplained() throws IOException {
        try (DiskServer server = start(spec)) {
            standIn.fault("die-on-read");
            assertFalse(canRead(server));
            Waiting.until(
                    "its end is noticed",
                    Duration.ofSeconds(5),
                    () -> server.trouble().orElse("").contains("ended with exit status 9 while it was needed"));
            assertTrue(server.trouble().orElseThrow().contains("the library crashed"));
        }
    }

    @Test
    void aReadThatFailsIsExplained() throws IOException {
        DiskServerSpec withoutRetry = spec.withFilters(DiskServerSpec.FILTERS.stream()
                .filter(filter -> !filter.name().equals("retry"))
                .toList());
        try (DiskServer server = start(withoutRetry)) {
            standIn.fault(
                    "fail-read",
                    "[NFC ERROR] NfcFssrvrProcessErrorMsg: received NFC error 5 from server: Failed to allocate the"
                            + " requested 2097176 bytes");
            assertFalse(canRead(server));
            Waiting.until(
                    "it is explained",
                    Duration.ofSeconds(5),
                    () -> server.trouble().orElse("").contains("no buffers left"));
        }
    }

    @Test
    void aReadThatFailsOnceIsRepeatedOnANewHandle() throws IOException {
        try (DiskServer server = start(spec)) {
            standIn.fault("fail-read", "VixDiskLib_Read: passing trouble");
            Thread.ofPlatform().start(() -> {
                Waiting.until(
                        "it has failed",
                        Duration.ofSeconds(10),
                        () -> server.output().contains("passing trouble"));
                try {
                    standIn.heal("fail-read");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            boolean read = canRead(server);
            assertTrue(read, server.output());
        }
    }

    private static boolean isFree(Path frozen) {
        try {
            return !VddkStandIn.isOpen(frozen);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aKillOfOurProcessEndsItEvenWhenItHangs() throws Exception {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        Process jvm = new ProcessBuilder(
                        java.toString(),
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        JvmWithDiskServer.class.getName(),
                        directory.resolve("sim").toString(),
                        Long.toString(SIZE_BYTES))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Process reader = null;
        try (BufferedReader words = jvm.inputReader(StandardCharsets.UTF_8)) {
            long pid = Long.parseLong(words.readLine());
            String uri = words.readLine();
            standIn.fault("hang-read");
            reader = new ProcessBuilder("nbdcopy", uri, "null:")
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("reader.log").toFile())
                    .start();
            Waiting.until("a read hangs", Duration.ofSeconds(10), () -> Files.exists(Path.of(frozen + ".open")));
            jvm.destroyForcibly();
            Waiting.until("nbdkit is gone", Duration.ofSeconds(15), () -> isGone(pid));
            // A process is gone before the last of its threads has let its files go.
            Waiting.until("the disk is free", Duration.ofSeconds(5), () -> isFree(frozen));
            Path folder = Disks.folderOf(Path.of(uri.substring(uri.indexOf("socket=") + 7)));
            for (String left : List.of("vddk.conf", "server.pid", "nbd.sock")) { // Nobody was left to remove them.
                Files.deleteIfExists(folder.resolve(left));
            }
            Files.delete(folder);
        } finally {
            jvm.destroyForcibly();
            if (reader != null) {
                reader.destroyForcibly();
            }
        }
    }

    @Test
    void theStandInIsStrict() throws IOException {
        assertTrue(standInSays("password=" + Disks.PASSWORD).contains("readable by everybody"));
        assertTrue(standInSays("colour=green").contains("unknown parameter 'colour'"));
        assertTrue(standInSays("thumbprint=1234").contains("bad value of parameter 'thumbprint'"));
        assertTrue(standInSays("vm=vm-57").contains("bad value of parameter 'vm'"));
        assertTrue(standInSays("server=h").contains("missing parameter: user"));
    }

    private String standInSays(String parameter) throws IOException {
        List<String> words = new ArrayList<>(List.of("nbdkit", "-f", "-U", "-"));
        words.addAll(standIn.plugin());
        words.add(parameter);
        Tool.Outcome outcome = Tool.outcome(words);
        assertEquals(1, outcome.exitStatus());
        return outcome.errors();
    }

    private DiskServer start(DiskServerSpec with) {
        return start(with, Disks.SEEN);
    }

    private DiskServer start(DiskServerSpec with, Thumbprint seen) {
        return DiskServer.start(
                Disks.vCenter(Disks.PASSWORD),
                Disks.VM,
                Disks.SNAPSHOT,
                Disks.disk(SIZE_BYTES),
                with,
                seen,
                Optional.empty(),
                new DiskServer.Listener() {
                    @Override
                    public void waiting(String what, Duration limit) {
                        told.add("waiting up to " + limit + " for " + what);
                    }

                    @Override
                    public void waited(String what, Duration took) {
                        told.add("waited " + took + " for " + what);
                    }

                    @Override
                    public void note(String sentence) {
                        told.add(sentence);
                    }
                });
    }

    private static String failure(Executable executable) {
        return assertThrows(VSphereException.DiskServerFailed.class, executable).getMessage();
    }

    private static boolean canRead(DiskServer server) {
        return Tool.outcome(List.of("nbdcopy", server.uri().toString(), "null:"))
                        .exitStatus()
                == 0;
    }

    private static boolean holds(Path file, String text) throws IOException {
        String content = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        return content.contains(text);
    }

    private static void assertBelow(Duration limit, long beginNanos) {
        long took = System.nanoTime() - beginNanos;
        assertTrue(took < limit.toNanos(), "took " + took / 1_000_000 + " ms");
    }

    private static boolean isGone(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
        } catch (IOException gone) {
            return true;
        }
    }
}
