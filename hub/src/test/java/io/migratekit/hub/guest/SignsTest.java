package io.migratekit.hub.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.guest.BootJudge.Finding;
import io.migratekit.hub.guest.BootResult.Verdict;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Is a boot loader that failed never taken for a guest that lives, and a guest that lives not for one that failed? */
class SignsTest {
    private static final Duration SETTLE = Duration.ofSeconds(40);

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "SeaBIOS (version 1.16.2-debian-1.16.2-1) | FIRMWARE",
                "Booting from Hard Disk... | HANDED_OVER",
                "Booting from 0000:7c00 | HANDED_OVER",
                "BdsDxe: loading Boot0001 \"UEFI QEMU HARDDISK QM00001 \" from PciRoot(0x0) | FIRMWARE",
                "BdsDxe: starting Boot0001 \"UEFI QEMU HARDDISK QM00001 \" from PciRoot(0x0) | HANDED_OVER",
                "GRUB loading.. | NOTHING",
                "Welcome to GRUB! | NOTHING",
                "Welcome to Fedora Linux 38 dracut-057 (Initramfs)! | NOTHING",
                "Boot failed: not a bootable disk | NOTHING",
                "Loading Linux 6.1.0-56-amd64 ... | NOTHING",
                "[    0.000000] Linux version 6.1.0-56-amd64 | KERNEL",
                "[    2.111222] Run /init as init process | KERNEL",
                "Welcome to Debian GNU/Linux 12 (bookworm)! | SERVICES",
                "[  OK  ] Reached target multi-user.target - Multi-User System. | SERVICES",
                "[  OK  ] Started getty@tty1.service - Getty on tty1. | SERVICES",
                "INIT: Entering runlevel: 2 | SERVICES",
                "guest login: | LOGIN",
                "login: | LOGIN",
                "Last login: Fri Nov 27 09:00:00 | NOTHING"
            })
    void aLineIsTheSignThatItIs(String line, Sign sign) {
        assertEquals(sign, SerialSigns.sign("\n" + line + "\n"));
        assertEquals(Optional.empty(), SerialSigns.failure("\n" + line + "\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "No bootable device.",
                "BdsDxe: No bootable option or device was found.",
                "UEFI Interactive Shell v2.2",
                "grub rescue> ",
                "grub> ",
                "Missing operating system",
                "BOOTMGR is missing",
                "[    1.500000] Kernel panic - not syncing: Attempted to kill init!",
                "Gave up waiting for root file system device.  Common problems:",
                "(initramfs) ",
                "You are in emergency mode. After logging in, type \"journalctl -xb\"",
                "Give root password for maintenance"
            })
    void whoFailedSaysSo(String line) {
        BootJudge judge = new BootJudge(Optional.empty(), SETTLE);
        String text = "SeaBIOS\nBooting from Hard Disk...\n[    0.000000] Linux version 6\n" + line + "\n";
        Finding finding = judge.text(text, Duration.ofSeconds(5)).orElseThrow();
        assertEquals(Verdict.DEAD, finding.verdict());
        assertEquals("it says: " + line.strip(), finding.why());
    }

    @Test
    void escapeSequencesHideNothing() {
        String text =
                SerialSigns.plain("\u001b[2J\u001b[01;01H\u001b[?7lBooting\u001b[0m from Hard Disk..\r\n\u001b(Bx\r");
        assertEquals("Booting from Hard Disk..\nx\n", text);
        assertEquals(
                "guest login: ",
                SerialSigns.plain("\u001b]3008;start=1;user=root\u001b\\\u001b]0;title\u0007guest login: "));
    }

    /** As qemu showed them: of SeaBIOS, of a boot sector, of a kernel that waits, of a program. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "EIP=000f3a2b EFL=00000046 | CPL=0 II=0 A20=1 SMM=0 HLT=0 | CR0=00000011 | NOTHING",
                "EIP=00007c24 EFL=00000202 | CPL=0 II=0 A20=1 SMM=0 HLT=1 | CR0=00000010 | NOTHING",
                "EIP=00007c24 EFL=00020202 | CPL=3 II=0 A20=1 SMM=0 HLT=1 | CR0=80000011 | NOTHING",
                "RIP=000000007e4c1234 RFL=00000246 | CPL=0 II=0 A20=1 SMM=0 HLT=0 | CR0=80010033 | NOTHING",
                "RIP=ffffffff8a2b3c4d RFL=00000246 | CPL=0 II=0 A20=1 SMM=0 HLT=1 | CR0=80050033 | KERNEL",
                "EIP=c1234567 EFL=00000246 | CPL=0 II=0 A20=1 SMM=0 HLT=0 | CR0=80050033 | KERNEL",
                "RIP=00007f3a1c2b3d4e RFL=00000246 | CPL=3 II=0 A20=1 SMM=0 HLT=0 | CR0=80050033 | PROGRAMS"
            })
    void registersTellWhoRuns(String first, String second, String third, Sign sign) {
        String registers =
                "CPU#0\nRAX=0 RBX=0\n" + first + " [---Z-P-] " + second + "\nES =0000\n" + third + " CR2=0\n";
        assertEquals(sign, Processors.sign(registers + "\n"));
    }

    @Test
    void programsAreBelievedWhenTheyLast() {
        BootJudge judge = new BootJudge(Optional.empty(), SETTLE);
        judge.sign(Sign.PROGRAMS, Duration.ofSeconds(10));
        assertEquals(Optional.empty(), judge.settled(Duration.ofSeconds(100)));
        judge.sign(Sign.PROGRAMS, Duration.ofSeconds(50));
        assertEquals(
                Verdict.ALIVE,
                judge.settled(Duration.ofSeconds(51)).orElseThrow().verdict());
    }

    @Test
    void servicesThatStartAreGivenTime() {
        BootJudge judge = new BootJudge(Optional.empty(), SETTLE);
        judge.sign(Sign.PROGRAMS, Duration.ofSeconds(10));
        judge.text("Welcome to Debian GNU/Linux 12 (bookworm)!\n", Duration.ofSeconds(49));
        judge.sign(Sign.PROGRAMS, Duration.ofSeconds(50));
        assertEquals(Optional.empty(), judge.settled(Duration.ofSeconds(88)));
        assertEquals(
                "the guest started its services, and nothing failed for 40 s",
                judge.settled(Duration.ofSeconds(89)).orElseThrow().why());
    }

    @Test
    void aKernelAloneIsABeginning() {
        BootJudge judge = new BootJudge(Optional.empty(), SETTLE);
        assertEquals(Optional.empty(), judge.text("[    0.000000] Linux version 6\n", Duration.ofSeconds(5)));
        assertEquals(Optional.empty(), judge.settled(Duration.ofSeconds(100)));
        Finding finding = judge.ended("the limit of 5 min is over");
        assertEquals(Verdict.UNSURE, finding.verdict());
        assertTrue(finding.why().startsWith("the limit of 5 min is over; the kernel"), finding.why());
    }
}
