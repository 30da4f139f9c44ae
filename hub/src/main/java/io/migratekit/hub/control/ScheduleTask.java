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
    static final TaskDescriptor<Void> SCHEDULE = TaskDescriptor.of("schedule");

    private static final System.Logger LOG = System.getLogger(ScheduleTask.class.getName());
    private static final Duration AFTER_TROUBLE = Duration.ofSeconds(30);

    private final Queue queue;

    ScheduleTask(Queue queue) {
        this.queue = queue;
    }

    /** Under which name it is executed; a hub's id has no slash. */
    static String key(Schedule schedule) {
        return schedule.hub() + "/" + schedule.name();
    }

    CustomTask<Void> task() {
        return Tasks.custom(SCHEDULE)
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

    private CompletionHandler<Void> come(String key) {
        int slash = key.indexOf('/');
        Optional<Schedule> schedule = queue.schedule(key.substring(0, slash), key.substring(slash + 1));
        if (schedule.isEmpty()) {
            return (_, operations) -> operations.remove();
        }
        queue.carryOut(schedule.get());
        Optional<Instant> next = schedule.get().next(Instant.now());
        return (complete, operations) ->
                next.ifPresentOrElse(when -> operations.reschedule(complete, when), operations::remove);
    }
}
