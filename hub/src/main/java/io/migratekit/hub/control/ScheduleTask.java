package io.migratekit.hub.control;

import com.github.kagkarlsson.scheduler.task.CompletionHandler;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import com.github.kagkarlsson.scheduler.task.helper.CustomTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What happens when a schedule's time has come? It asks for jobs, and waits for its next time. One that was missed comes once. */
final class ScheduleTask {
    private static final Duration AFTER_TROUBLE = Duration.ofSeconds(30);

    private final Queue queue;

    ScheduleTask(Queue queue) {
        this.queue = queue;
    }

    /** Each hub carries its own schedules out: others do not know them by this name. */
    static TaskDescriptor<Void> of(String hub) {
        return TaskDescriptor.of("schedule " + hub);
    }

    CustomTask<Void> task() {
        return Tasks.custom(queue.scheduleTask())
                .onFailure(JobTask.again("schedule", AFTER_TROUBLE))
                .onDeadExecutionRevive()
                .execute((instance, _) -> come(instance.getId()));
    }

    private CompletionHandler<Void> come(String name) {
        Optional<Schedule> schedule = queue.schedules().find(name);
        if (schedule.isEmpty()) {
            return (_, operations) -> operations.remove();
        }
        queue.schedules().carryOut(schedule.get());
        Optional<Instant> next = schedule.get().next(Instant.now());
        return (complete, operations) ->
                next.ifPresentOrElse(when -> operations.reschedule(complete, when), operations::remove);
    }
}
