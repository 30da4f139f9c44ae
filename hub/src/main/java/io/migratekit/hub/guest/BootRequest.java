package io.migratekit.hub.guest;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What is to be booted, and what is waited for?
 *
 * @param disks the layers of the restore point, in any order
 * @param expect what has to appear on the serial port, or on the screen in text mode; then nothing else is a proof
 * @param screenshot where the last picture of the screen goes, as PNG; what the serial port said goes beside it
 * @param accelerator which one qemu uses
 */
public record BootRequest(
        Machine machine,
        List<BootDisk> disks,
        Optional<Pattern> expect,
        Path screenshot,
        Accelerator accelerator,
        BootLimits limits) {

    /** What executes the guest's code. */
    public enum Accelerator {
        /** KVM where it can be used, else TCG. */
        BEST,
        /** Slower with a whole guest, and there everywhere. */
        TCG
    }

    public BootRequest {
        disks = List.copyOf(disks);
    }

    BootRequest onTcg() {
        return new BootRequest(machine, disks, expect, screenshot, Accelerator.TCG, limits);
    }

    /** What the serial port said: the picture's name with another ending. */
    public Path serialLog() {
        String name = String.valueOf(screenshot.getFileName());
        return screenshot.resolveSibling(name.replaceFirst("\\.[A-Za-z]+$", "") + ".serial.log");
    }
}
