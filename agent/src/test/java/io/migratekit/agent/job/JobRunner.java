package io.migratekit.agent.job;

import io.migratekit.nbd.Deadline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Another process with a job: it does what it is told and says what came of it. */
final class JobRunner {
    private JobRunner() {}

    public static void main(String[] words) throws InterruptedException {
        Path state = Path.of(words[1]);
        switch (words[0]) {
            case "hold" -> hold(state, words[2]);
            case "race" -> race(state, words[2], Path.of(words[3]));
            case "look" -> look(state, words[2]);
            default -> throw new IllegalArgumentException(List.of(words).toString());
        }
    }

    /** Runs the job until it is killed, deaf to all questions. */
    private static void hold(Path state, String id) throws InterruptedException {
        try (JobRun run = Jobs.open(state, id)) {
            run.publishStatus(() -> "{\"pid\":" + ProcessHandle.current().pid() + "}");
            run.note(JobEvent.CHECKPOINT, Map.of("units", 0));
            System.out.println("holds " + run.attempt());
            Thread.sleep(60_000);
        }
    }

    /** Tries to get the job at the same moment as others. */
    private static void race(Path state, String id, Path go) throws InterruptedException {
        System.out.println("ready");
        Deadline deadline = Deadline.in(Duration.ofMinutes(1));
        while (!Files.exists(go) && !deadline.isOver()) {
            Thread.onSpinWait();
        }
        try (JobRun run = Jobs.open(state, id)) {
            System.out.println("won " + run.attempt());
            Thread.sleep(60_000);
        } catch (JobException.Locked e) {
            System.out.println("lost " + e.getMessage());
        }
    }

    /** Looks at the job all the time. */
    private static void look(Path state, String id) {
        JobStore store = new JobStore(state);
        Deadline deadline = Deadline.in(Duration.ofMinutes(1));
        for (int looks = 0; !deadline.isOver(); looks++) {
            store.view(new JobId(id)).filter(JobView::died).ifPresent(view -> {
                throw new AssertionError("taken for dead: " + view);
            });
            if (looks == 100) {
                System.out.println("looking");
            }
        }
    }
}
