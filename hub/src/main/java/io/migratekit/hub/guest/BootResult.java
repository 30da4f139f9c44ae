package io.migratekit.hub.guest;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Did the restore point boot, and what is that judged by?
 *
 * @param sign the furthest sign that was seen
 * @param why one sentence: what was seen, or what failed, in the guest's own words where there are any
 * @param waited from the start of the machine to the verdict
 * @param accelerator {@code kvm} or {@code tcg}
 * @param screenshot the last picture of the screen: PNG, or PPM from a qemu that cannot
 * @param serialLog all that the serial port said
 * @param lastLines its last lines, without what moves cursors
 */
public record BootResult(
        Verdict verdict,
        Sign sign,
        String why,
        Duration waited,
        String accelerator,
        Path screenshot,
        Path serialLog,
        List<String> lastLines) {

    /** What it proves. */
    public enum Verdict {
        /** The guest's operating system runs. */
        ALIVE,
        /** Something of the guest runs, but that it is the system as it should be is not seen: look at the picture. */
        UNSURE,
        /** It failed, in words that are known, or nothing of the guest was seen. */
        DEAD
    }

    public BootResult {
        lastLines = List.copyOf(lastLines);
    }

    public boolean alive() {
        return verdict == Verdict.ALIVE;
    }
}
