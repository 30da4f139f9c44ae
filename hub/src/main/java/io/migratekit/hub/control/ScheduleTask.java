package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.WARNING;

import com.github.kagkarlsson.scheduler.task.CompletionHandler;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import com.github.kagkarlsson.scheduler.task.helper.CustomTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What happens when a schedule's time has come? It asks for jobs, and waits for its next time. One that was missed comes once. */
final class ScheduleTask {
    private static final System.Logger LOG = System.getLogger(ScheduleTask.class.getName());
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
                .onFailure((complete, operations) -> {
                    LOG.log(
                            WARNING,
                            () -> "schedule=" + complete.getExecution().getId() + " will be tried again: "
                                    + complete.getCause()
                                            .map(Throwable::getMessage)
                                            .orElse("it failed"));
                    operations.reschedule(complete, Instant.now().plus(AFTER_TROUBLE));
                })
                .onDeadExecutionRevive()
                .execute((instance, _) -> come(instance.getId()));
    }

    private CompletionHandler<Void> come(String name) {
        Optional<Schedule> schedule = queue.schedule(name);
        if (schedule.isEmpty()) {
            return (_, operations) -> operations.remove();
        }
        queue.carryOut(schedule.get());
        Optional<Instant> next = schedule.get().next(Instant.now());
        return (complete, operations) ->
                next.ifPresentOrElse(when -> operations.reschedule(complete, when), operations::remove);
    }
}
