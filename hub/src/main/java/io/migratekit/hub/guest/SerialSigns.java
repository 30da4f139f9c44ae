package io.migratekit.hub.guest;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What does the text of the serial port say about the boot, or that of a screen in text mode? SeaBIOS sends what firmware
 * and boot loaders write to both.
 */
final class SerialSigns {
    private static final Pattern ESCAPES =
            Pattern.compile("\u001b(\\[[0-9;?=]*[ -/]*[@-~]|\\][^\u0007\u001b]*(\u0007|\u001b\\\\)|[()][A-Z0-9]|.)");

    /** Whoever says this goes no further by himself. */
    private static final Pattern FAILURE = Pattern.compile(
            String.join(
                    "|",
                    "No bootable device",
                    "No bootable option or device was found",
                    "UEFI Interactive Shell",
                    "grub rescue>",
                    "^grub> ",
                    "Missing operating system",
                    "Operating System not found",
                    "Could not find kernel image",
                    "No DEFAULT or UI configuration directive found",
                    "BOOTMGR is missing",
                    "NTLDR is missing",
                    "A disk read error occurred",
                    "Windows failed to start",
                    "(VFS: )?Unable to mount root fs",
                    "Kernel panic",
                    "Gave up waiting for (root|suspend/resume)",
                    "^\\(initramfs\\)",
                    "Entering emergency mode",
                    "You are in emergency mode",
                    "Give root password for maintenance"),
            Pattern.MULTILINE);

    private static final Pattern LOGIN = Pattern.compile("^(\\S{1,64} )?login: *$", Pattern.MULTILINE);

    /** Of the guest itself: what an initrd says of its own little system, and GRUB of itself, is none. */
    private static final Pattern SERVICES = Pattern.compile(
            "Reached target .{0,40}(Multi-User|Graphical|Login Prompts)"
                    + "|Started .{0,40}(Getty|OpenSSH|OpenBSD Secure Shell|User Login)"
                    + "|^Welcome to (?!GRUB)(?!.*(dracut|[Ii]nitramfs)).{1,80}!"
                    + "|INIT: Entering runlevel|OpenRC .{1,40} is starting up"
                    + "|EVENT: The CMD command is now available",
            Pattern.MULTILINE);

    private static final Pattern KERNEL = Pattern.compile(
            "^\\[ *[0-9]+\\.[0-9]{6}\\] |^Linux version [0-9]|^Copyright .* The FreeBSD Project", Pattern.MULTILINE);

    private static final Pattern HANDED_OVER = Pattern.compile(
            "^Booting from (Hard Disk|[0-9A-Fa-f]{4}:)|BdsDxe: starting Boot[0-9A-F]{4}", Pattern.MULTILINE);

    private static final Pattern FIRMWARE = Pattern.compile("SeaBIOS|BdsDxe|UEFI|iPXE");

    private record Row(Sign sign, Pattern pattern) {}

    private static final List<Row> ROWS = List.of(
            new Row(Sign.LOGIN, LOGIN),
            new Row(Sign.SERVICES, SERVICES),
            new Row(Sign.KERNEL, KERNEL),
            new Row(Sign.HANDED_OVER, HANDED_OVER),
            new Row(Sign.FIRMWARE, FIRMWARE));

    private SerialSigns() {}

    /** The line that says that it failed. */
    static Optional<String> failure(String text) {
        return line(FAILURE, text);
    }

    /** The furthest sign in it. */
    static Sign sign(String text) {
        return ROWS.stream()
                .filter(row -> row.pattern().matcher(text).find())
                .map(Row::sign)
                .findFirst()
                .orElse(Sign.NOTHING);
    }

    /** The whole line in which the pattern is found first. */
    static Optional<String> line(Pattern pattern, String text) {
        Matcher found = pattern.matcher(text);
        if (!found.find()) {
            return Optional.empty();
        }
        int begin = text.lastIndexOf('\n', Math.max(0, found.start() - 1)) + 1;
        int end = text.indexOf('\n', found.start());
        String line = text.substring(Math.min(begin, found.start()), end < 0 ? text.length() : end)
                .strip();
        return Optional.of(Plain.line(line.substring(0, Math.min(200, line.length()))));
    }

    /** The same text without what moves cursors and sets colours, each line ended by one sign. */
    static String plain(String text) {
        return ESCAPES.matcher(text).replaceAll("").replace("\r\n", "\n").replace('\r', '\n');
    }
}
