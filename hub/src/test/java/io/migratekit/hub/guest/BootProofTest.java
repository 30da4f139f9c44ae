package io.migratekit.hub.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.guest.BootResult.Verdict;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is said of guests that are one boot sector each, started by a real qemu with its real firmware? */
class BootProofTest {
    private static final Duration SHORT = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    @AfterEach
    void nothingOfItIsLeft() {
        assertEquals(
                List.of(),
                ProcessHandle.current()
                        .descendants()
                        .filter(ProcessHandle::isAlive)
                        .filter(process -> process.info().command().orElse("").contains("qemu"))
                        .map(ProcessHandle::pid)
                        .toList());
    }

    @ParameterizedTest
    @EnumSource(
            names = {"LSI_LOGIC", "BUS_LOGIC"},
            mode = EnumSource.Mode.EXCLUDE) // which are what others are
    void aGuestOnEachControllerIsAliveByWhatIsExpectedOfIt(DiskBus bus) throws IOException {
        Path layer = BootSector.layer(folder, BootSector.saying("\r\nhello from 42\r\n"));
        byte[] before = Files.readAllBytes(layer);
        BootResult result = boot(layer, bus, Optional.of(Pattern.compile("hello from [0-9]+")), SHORT);
        assertEquals(Verdict.ALIVE, result.verdict(), result::toString);
        assertEquals(Sign.EXPECTED, result.sign());
        assertTrue(result.why().endsWith("hello from 42"), result::why);
        assertEquals("tcg", result.accelerator());
        assertTrue(result.lastLines().contains("hello from 42"), result::toString);
        assertTrue(Files.readString(result.serialLog()).contains("hello from 42"));
        assertArrayEquals(before, Files.readAllBytes(layer), "the guest wrote to its disk, and the layer has it");
        assertPicture(result);
    }

    /** Within another VM KVM may be there and of no use, or even end qemu as it starts. */
    @Test
    void whateverKvmIsWorthHereAGuestBoots() throws IOException {
        Path layer = BootSector.layer(folder, BootSector.saying("\r\nhello from 42\r\n"));
        BootResult result = boot(
                layer,
                DiskBus.PVSCSI,
                Optional.of(Pattern.compile("hello from [0-9]+")),
                Duration.ofSeconds(90),
                BootRequest.Accelerator.BEST);
        assertEquals(Verdict.ALIVE, result.verdict(), result::toString);
    }

    @Test
    void anEmptyDiskIsDeadInTheWordsOfTheFirmware() throws IOException {
        BootResult result = boot(BootSector.layer(folder, BootSector.none()), DiskBus.PVSCSI, Optional.empty(), SHORT);
        assertEquals(Verdict.DEAD, result.verdict(), result::toString);
        assertTrue(result.why().contains("No bootable device"), result::why);
        assertTrue(result.waited().compareTo(SHORT) < 0, result::toString);
        assertPicture(result);
    }

    @Test
    void aGuestThatHangsEndsAtItsLimit() throws IOException {
        long start = System.nanoTime();
        BootResult result = boot(
                BootSector.layer(folder, BootSector.hanging()), DiskBus.SATA, Optional.empty(), Duration.ofSeconds(2));
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        assertEquals(Verdict.DEAD, result.verdict(), result::toString);
        assertEquals("the limit of 2 s is over; the firmware started something from a disk, and no more", result.why());
        assertTrue(took.compareTo(Duration.ofSeconds(15)) < 0, took::toString);
        assertPicture(result);
    }

    @Test
    void whatIsExpectedAndDoesNotComeIsNoProof() {
        Path layer = BootSector.layer(folder, BootSector.saying("\r\nguest login: "));
        BootResult result =
                boot(layer, DiskBus.SATA, Optional.of(Pattern.compile("another guest")), Duration.ofSeconds(3));
        assertEquals(Verdict.DEAD, result.verdict(), result::toString);
        assertTrue(result.why().contains("what was expected did not appear"), result::why);
        assertTrue(result.why().contains("asks for a login"), result::why);
    }

    @Test
    void aLoginPromptIsASign() {
        Path layer = BootSector.layer(folder, BootSector.saying("\r\n\u001b[1mguest\u001b[0m login: "));
        BootResult result = boot(layer, DiskBus.SATA, Optional.empty(), SHORT);
        assertEquals(Verdict.ALIVE, result.verdict(), result::toString);
        assertEquals(Sign.LOGIN, result.sign());
    }

    /** A guest without a serial console. */
    @ParameterizedTest
    @CsvSource({"guest login:,ALIVE,asks for a login", "(initramfs),DEAD,it says: (initramfs)"})
    void whatAScreenInTextModeSaysIsRead(String text, Verdict verdict, String why) throws IOException {
        Path layer = BootSector.layer(folder, BootSector.showing(text));
        BootResult result = boot(layer, DiskBus.SATA, Optional.empty(), SHORT);
        assertEquals(verdict, result.verdict(), result::toString);
        assertTrue(result.why().contains(why), result::why);
        assertFalse(Files.readString(result.serialLog()).contains(text), result::toString);
    }

    @Test
    void aPanicEndsItAtOnce() {
        String words = "[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs";
        Path layer = BootSector.layer(folder, BootSector.saying("\r\n" + words + "\r\n"));
        BootResult result = boot(layer, DiskBus.SATA, Optional.empty(), SHORT);
        assertEquals(Verdict.DEAD, result.verdict(), result::toString);
        assertEquals(Sign.KERNEL, result.sign());
        assertEquals("it says: " + words, result.why());
        assertTrue(result.waited().compareTo(SHORT) < 0, result::toString);
    }

    @Test
    void aScreenThatChangesIsNoProofYet() {
        BootResult result = boot(
                BootSector.layer(folder, BootSector.painting()), DiskBus.SATA, Optional.empty(), Duration.ofSeconds(3));
        assertEquals(Verdict.UNSURE, result.verdict(), result::toString);
        assertEquals(Sign.SCREEN, result.sign(), result::toString);
        assertFalse(result.alive());
    }

    @Test
    void aGuestThatRestartsHasEnded() {
        BootResult result =
                boot(BootSector.layer(folder, BootSector.restarting()), DiskBus.SATA, Optional.empty(), SHORT);
        assertEquals(Verdict.DEAD, result.verdict(), result::toString);
        assertTrue(result.why().contains("switched itself off or restarted"), result::why);
    }

    @Test
    void anInterruptEndsIt() throws InterruptedException {
        Path layer = BootSector.layer(folder, BootSector.hanging());
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                boot(layer, DiskBus.SATA, Optional.empty(), Duration.ofMinutes(5));
            } catch (BootFailed e) {
                thrown.set(e);
            }
        });
        AtomicReference<Path> place = new AtomicReference<>();
        Waiting.until("qemu runs", SHORT, () -> {
            overlays().ifPresent(place::set);
            return place.get() != null;
        });
        Thread.sleep(500);
        assertTrue(Files.exists(place.get()));
        thread.interrupt();
        assertTrue(thread.join(Duration.ofSeconds(15)), "it went on");
        assertFalse(Files.exists(place.get()), "the overlays are left in " + place.get());
        assertTrue(String.valueOf(thrown.get()).contains("interrupted"), () -> "" + thrown.get());
    }

    /** Where the qemu that runs now has its overlays. */
    private static Optional<Path> overlays() {
        return ProcessHandle.current()
                .descendants()
                .flatMap(process -> Arrays.stream(process.info().arguments().orElse(new String[0])))
                .filter(word -> word.startsWith("unix:") && word.contains("/monitor,"))
                .map(word -> SafeFiles.parent(Path.of(word.replaceAll("^unix:|,.*", ""))))
                .findFirst();
    }

    @Test
    void aLayerThatIsNotThereIsSaid() {
        Path layer = folder.resolve("0009.qcow2");
        BootFailed failed = assertThrows(BootFailed.class, () -> boot(layer, DiskBus.SATA, Optional.empty(), SHORT));
        assertTrue(
                String.valueOf(failed.getMessage()).contains("0009.qcow2")
                        && String.valueOf(failed.getMessage()).contains("No such file"),
                failed::getMessage);
    }

    @Test
    void aPictureThatCannotBeKeptIsSaidBeforeTheBoot() throws IOException {
        Files.writeString(folder.resolve("shots"), "a file where a folder should be");
        Path layer = BootSector.layer(folder, BootSector.none());
        BootFailed failed = assertThrows(BootFailed.class, () -> boot(layer, DiskBus.SATA, Optional.empty(), SHORT));
        assertTrue(String.valueOf(failed.getMessage()).contains("no place for the picture"), failed::getMessage);
    }

    @Test
    void aMissingFirmwareIsNamedWithItsPackage() {
        List<Ovmf> nowhere = List.of(new Ovmf(folder.resolve("CODE.fd"), folder.resolve("VARS.fd")));
        BootFailed failed = assertThrows(BootFailed.class, () -> BootMachine.firmware(folder, nowhere));
        assertTrue(String.valueOf(failed.getMessage()).contains("install the package ovmf"), failed::getMessage);
    }

    @Test
    void aMachineGetsNoMoreMemoryThanTheHostCanSpare() {
        Machine machine = Points.machine("web01");
        assertEquals(2L << 30, BootMachine.memoryBytes(machine, BootLimits.DEFAULTS, 64L << 30));
        assertEquals(512L << 20, BootMachine.memoryBytes(machine, BootLimits.DEFAULTS, 1L << 30));
        assertEquals(64L << 20, BootMachine.memoryBytes(machine, BootLimits.DEFAULTS, 1L << 20));
    }

    private BootResult boot(Path layer, DiskBus bus, Optional<Pattern> expect, Duration limit) {
        return boot(layer, bus, expect, limit, BootRequest.Accelerator.TCG);
    }

    private BootResult boot(
            Path layer, DiskBus bus, Optional<Pattern> expect, Duration limit, BootRequest.Accelerator accelerator) {
        BootLimits known = BootLimits.DEFAULTS;
        BootLimits limits = new BootLimits(
                limit,
                known.settle(),
                known.firmware(),
                Duration.ofMillis(50),
                Duration.ofMillis(300),
                known.answer(),
                known.memoryBytes(),
                known.serialBytes());
        return BootProof.run(new BootRequest(
                Points.machine(Firmware.BIOS, bus),
                List.of(new BootDisk(2000, layer)),
                expect,
                folder.resolve("shots/screen.png"),
                accelerator,
                limits));
    }

    /** What a viewer of pictures can show, with more than one colour. */
    private static void assertPicture(BootResult result) throws IOException {
        var picture = ImageIO.read(result.screenshot().toFile());
        int[] pixels = picture.getRGB(0, 0, picture.getWidth(), picture.getHeight(), null, 0, picture.getWidth());
        assertTrue(Arrays.stream(pixels).distinct().count() > 1, "all of the picture has one colour");
    }
}
