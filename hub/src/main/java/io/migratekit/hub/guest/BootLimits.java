package io.migratekit.hub.guest;

import java.time.Duration;

/**
 * How long is a sign of life awaited, and how much may a guest take meanwhile?
 *
 * @param limit for the whole boot, from the start of the machine
 * @param settle how long programs must have been seen running, and nothing have failed, before that alone is believed;
 *     on TCG, which is slower, twice as long
 * @param firmware how long a BIOS may take on KVM. Within another VM KVM may have to imitate each of its instructions, and
 *     the boot loader's; then the guest is started anew on TCG, which is faster
 * @param look between two looks at the serial port and the processors
 * @param picture between two looks at the screen
 * @param answer for one answer of qemu's
 * @param memoryBytes the most that the machine gets; never more than half of what the host has free
 * @param serialBytes the most that the guest may write on the serial port
 */
public record BootLimits(
        Duration limit,
        Duration settle,
        Duration firmware,
        Duration look,
        Duration picture,
        Duration answer,
        long memoryBytes,
        long serialBytes) {
    public static final BootLimits DEFAULTS = new BootLimits(
            Duration.ofMinutes(5),
            Duration.ofSeconds(40),
            Duration.ofSeconds(3),
            Duration.ofMillis(200),
            Duration.ofSeconds(2),
            Duration.ofSeconds(20),
            2L << 30,
            16L << 20);

    public BootLimits withLimit(Duration longest) {
        return new BootLimits(longest, settle, firmware, look, picture, answer, memoryBytes, serialBytes);
    }

    public BootLimits withSettle(Duration time) {
        return new BootLimits(limit, time, firmware, look, picture, answer, memoryBytes, serialBytes);
    }
}
