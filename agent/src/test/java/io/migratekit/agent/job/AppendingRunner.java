package io.migratekit.agent.job;

import io.migratekit.nbd.Deadline;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;

/** A run that waits for its turn, then records units until it is killed, and says before and after which. */
final class AppendingRunner {
    private AppendingRunner() {}

    public static void main(String[] words) throws IOException, InterruptedException {
        long unit = Long.parseLong(words[1]);
        Path go = Path.of(words[2]);
        Random random = new Random(unit);
        Deadline deadline = Deadline.in(Duration.ofMinutes(2));
        while (!Files.exists(go)) {
            if (deadline.isOver()) {
                return; // Forgotten.
            }
            Thread.sleep(1);
        }
        try (FileOutputStream out = new FileOutputStream(FileDescriptor.out);
                JobRun run = Jobs.open(Path.of(words[0]), "job")) {
            say(out, "ready");
            while (!deadline.isOver()) {
                int count = random.nextInt(10) == 0 ? 600 : 1 + random.nextInt(40);
                say(out, "try " + unit + " " + (unit + count));
                run.append(Jobs.units(unit, unit + count));
                say(out, "done " + unit + " " + (unit + count));
                unit += count;
            }
        }
    }

    /** In one write, and without a buffer that would be lost. */
    private static void say(FileOutputStream out, String line) throws IOException {
        out.write(Jobs.utf8(line + "\n"));
    }
}
