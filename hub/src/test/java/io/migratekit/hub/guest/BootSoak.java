package io.migratekit.hub.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.guest.BootResult.Verdict;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryLimits;
import io.migratekit.hub.repository.SealDisk;
import io.migratekit.hub.repository.SealProgress;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartDisk;
import io.migratekit.hub.repository.StartRequest;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does a real Debian boot from its restore points, as it was at each moment, and from what is restored? Part of
 * {@code bin/soak boot} only, which makes the Debian.
 */
class BootSoak {
    private static final int KEY = 2000;
    /** Where image.sh puts the file system with /etc. */
    private static final long SYSTEM_OFFSET = 329728L * 512;

    private static final int CLUSTER = 64 << 10;
    private static final Duration BOOT = Duration.ofMinutes(6);

    @TempDir
    Path folder;

    @Test
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void eachRestorePointBootsAsItWas() throws Exception {
        Path image = Path.of(System.getProperty("soak.image", "")).resolve("disk.raw");
        Map<String, Path> tops = new TreeMap<>();
        try (Repository repository = Repository.open(
                folder.resolve("repository"), new RepositoryLimits(0, Duration.ZERO, Duration.ofMinutes(5)))) {
            Path full = layer(repository, "full", image);
            Tool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", image.toString(), full.toString());
            tops.put("full", seal(repository, "full"));

            Path changed = changed(image);
            Path increment = layer(repository, "increment", image);
            write(image, changed, increment);
            tops.put("increment", seal(repository, "increment"));
        }
        Map<Path, String> before = hashes(tops);
        boots(Firmware.EFI, DiskBus.PVSCSI, top(tops, "increment"), "moment two", false);
        runs(Firmware.EFI, top(tops, "increment"), "moment two");
        boots(Firmware.BIOS, DiskBus.PVSCSI, top(tops, "full"), "moment one", false);
        boots(Firmware.BIOS, DiskBus.PVSCSI, top(tops, "increment"), "moment two", true);
        boots(Firmware.BIOS, DiskBus.LSI_LOGIC_SAS, top(tops, "increment"), "moment two", false);
        runs(Firmware.BIOS, top(tops, "increment"), "moment two");
        assertEquals(before, hashes(tops));
    }

    private static Path top(Map<String, Path> tops, String id) {
        return Objects.requireNonNull(tops.get(id));
    }

    /** An open layer for the only disk. */
    private Path layer(Repository repository, String id, Path image) throws IOException {
        StartDisk disk = new StartDisk(KEY, "Hard disk 1", Files.size(image), StartDisk.Wanted.AUTO);
        Backup open = repository.start(new StartRequest(id, "vm", "guest", List.of(disk), null));
        return folder.resolve("repository")
                .resolve(Objects.requireNonNull(open.disks().getFirst().layer()));
    }

    private static Path seal(Repository repository, String id) {
        SealDisk disk = new SealDisk(KEY, null, null, null, null);
        SealRequest request = new SealRequest(null, null, Points.configuration(), "soak", List.of(disk));
        repository.seal(id, request, SealProgress.NOBODY);
        return repository.layerFile(id, KEY);
    }

    /** The same disk a moment later: another text stands above its login prompt. */
    private Path changed(Path image) throws IOException {
        Path changed = folder.resolve("changed.raw");
        Tool.run("cp", "--sparse=always", image.toString(), changed.toString());
        Path issue = Files.writeString(folder.resolve("issue"), "moment two\n");
        Path script = Files.writeString(
                folder.resolve("debugfs"),
                "rm /etc/issue\nwrite " + issue + " /etc/issue\ndump /etc/issue " + issue + ".now\n");
        Tool.run("/usr/sbin/debugfs", "-w", "-f", script.toString(), changed + "?offset=" + SYSTEM_OFFSET);
        assertEquals("moment two\n", Files.readString(Path.of(issue + ".now")));
        return changed;
    }

    /** What differs, and nothing else, goes into the open layer. */
    private void write(Path before, Path now, Path layer) throws IOException {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        byte[] old = new byte[CLUSTER];
        byte[] fresh = new byte[CLUSTER];
        try (RandomAccessFile from = new RandomAccessFile(before.toFile(), "r");
                RandomAccessFile to = new RandomAccessFile(now.toFile(), "r")) {
            for (long offset = 0; offset < from.length(); offset += CLUSTER) {
                from.readFully(old);
                to.readFully(fresh);
                if (!Arrays.equals(old, fresh)) {
                    Path piece = Files.write(folder.resolve("piece-" + offset), fresh);
                    words.addAll(List.of("-c", "write -s " + piece + " " + offset + " " + CLUSTER));
                }
            }
        }
        say((words.size() - 3) / 2 + " clusters changed");
        words.add(layer.toString());
        Tool.run(words.toArray(String[]::new));
    }

    /** Booted from the layers, it asks for a login, below the text of its moment; that text alone is a proof, if expected. */
    private void boots(Firmware firmware, DiskBus bus, Path layer, String text, boolean isExpected) throws IOException {
        Optional<Pattern> expect =
                isExpected ? Optional.of(Pattern.compile("^" + text, Pattern.MULTILINE)) : Optional.empty();
        BootResult result = BootProof.run(new BootRequest(
                Points.machine(firmware, bus),
                List.of(new BootDisk(KEY, layer)),
                expect,
                folder.resolve("screen.png"),
                BootRequest.Accelerator.BEST,
                BootLimits.DEFAULTS.withLimit(BOOT)));
        assertEquals(Verdict.ALIVE, result.verdict(), result::toString);
        assertEquals(isExpected ? Sign.EXPECTED : Sign.LOGIN, result.sign(), result::toString);
        assertTrue(text(result.serialLog()).contains(text), result::toString);
        say(firmware + " " + bus.word() + " " + layer.getFileName() + " (" + result.accelerator() + ") after "
                + result.waited().toSeconds() + " s: " + result.why());
    }

    /** Restored, and started with the script beside it, it asks for a login, too. */
    private void runs(Firmware firmware, Path layer, String text) throws IOException {
        Path restored = Files.createDirectories(folder.resolve("restored-" + firmware));
        Path disk = restored.resolve("disk-2000.qcow2");
        Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", layer.toString(), disk.toString());
        Machine machine = Points.machine(firmware, DiskBus.PVSCSI);
        GuestFiles.write(machine, List.of(), List.of(new GuestDisk(KEY, "disk-2000.qcow2", "qcow2")), restored);
        byte[] before = Files.readAllBytes(disk);
        Path said = restored.resolve("said");
        ProcessBuilder builder = new ProcessBuilder(
                        "sh", restored.resolve(QemuScript.FILE).toString(), "--serial", "--throw-away", "--no-network")
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile());
        builder.environment().put("ACCEL", "tcg");
        long start = System.nanoTime();
        Process process = builder.start();
        try {
            Waiting.until(
                    "the restored guest asks for a login",
                    BOOT,
                    () -> !process.isAlive() || SerialSigns.sign(SerialSigns.plain(text(said))) == Sign.LOGIN);
            assertTrue(process.isAlive() && text(said).contains(text), text(said));
        } finally {
            process.destroy();
        }
        assertArrayEquals(before, Files.readAllBytes(disk), "--throw-away wrote to the disk");
        say(firmware + " by " + QemuScript.FILE + " after "
                + Duration.ofNanos(System.nanoTime() - start).toSeconds() + " s");
    }

    /** The guest may be in the middle of a letter of several bytes. */
    private static String text(Path file) {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<Path, String> hashes(Map<String, Path> files) throws IOException, NoSuchAlgorithmException {
        Map<Path, String> hashes = new TreeMap<>();
        for (Path file : files.values()) {
            hashes.put(
                    file,
                    HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file))));
        }
        return hashes;
    }

    private static void say(String what) {
        System.err.println("boot soak: " + what);
    }
}
