package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.github.kagkarlsson.scheduler.task.CompletionHandler;
import com.github.kagkarlsson.scheduler.task.ExecutionContext;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.CustomTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What becomes of one job? The scheduler executes this for as long as the job is under way, here or, if this process dies, at
 * another hub: nothing of it is kept but what stands in the database. One that may not begin is put back, and woken when
 * something has become free.
 */
final class JobTask {
    static final TaskDescriptor<Void> JOB = TaskDescriptor.of("job");

    private static final System.Logger LOG = System.getLogger(JobTask.class.getName());
    private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
    private static final Duration AFTER_TROUBLE = Duration.ofSeconds(10);
    /** What was given to an agent is spoken of in its next question, a few seconds later. */
    private static final Duration TAKEN_WITHIN = Duration.ofMinutes(1);
    /** An agent that falls silent may be started anew; its jobs go on meanwhile, or are gone on with. */
    private static final Duration SILENT_FOR = Duration.ofMinutes(10);

    private final Queue queue;

    JobTask(Queue queue) {
        this.queue = queue;
    }

    CustomTask<Void> task() {
        return Tasks.custom(JOB)
                .onFailure((complete, operations) -> {
                    LOG.log(
                            WARNING,
                            () -> "job=" + complete.getExecution().getId() + " will be looked at again: "
                                    + complete.getCause()
                                            .map(Throwable::getMessage)
                                            .orElse("it failed"));
                    operations.reschedule(complete, Instant.now().plus(AFTER_TROUBLE));
                })
                .onDeadExecutionRevive()
                .execute(this::run);
    }

    private CompletionHandler<Void> run(TaskInstance<Void> instance, ExecutionContext context) {
        String id = instance.getId();
        try {
            while (!context.getSchedulerState().isShuttingDown()) {
                long rung = queue.bell().count();
                Optional<Job> job = queue.find(id);
                Optional<CompletionHandler<Void>> end = job.isEmpty() ? Optional.of(remove()) : step(job.get());
                if (end.isPresent()) {
                    return end.get();
                }
                queue.bell().await(rung, LOOK_EVERY);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return at(Instant.now()); // Another hub goes on with it, or this one when it is back.
    }

    /** What is to be done now; empty if something is to be waited for. */
    private Optional<CompletionHandler<Void>> step(Job job) {
        Instant now = Instant.now();
        return switch (job.state()) {
            case QUEUED -> queued(job, now);
            case GIVEN -> given(job, now);
            case RUNNING -> running(job, now);
            case ENDED -> Optional.of(ended(job, now));
            case DONE, FAILED, CANCELLED -> Optional.of(remove());
        };
    }

    private Optional<CompletionHandler<Void>> queued(Job job, Instant now) {
        if (job.cancelled()) {
            queue.finish(job, Job.State.CANCELLED);
            return Optional.of(remove());
        }
        if (job.notBefore().isAfter(now)) {
            return Optional.of(at(job.notBefore()));
        }
        Instant opens = job.window().map(window -> window.opens(now)).orElse(now);
        if (opens.isAfter(now)) {
            return Optional.of(at(opens));
        }
        return queue.begin(job) ? Optional.empty() : Optional.of(at(now.plus(queue.lookAgainIn())));
    }

    private Optional<CompletionHandler<Void>> given(Job job, Instant now) {
        if (isSilent(job, now, TAKEN_WITHIN)) {
            queue.putBack(job, now, "agent " + job.agent() + " did not take it");
            return Optional.of(at(now));
        }
        return Optional.empty();
    }

    private Optional<CompletionHandler<Void>> running(Job job, Instant now) {
        if (isSilent(job, now, SILENT_FOR) && queue.isOurs(job)) {
            queue.lost(job);
            return Optional.of(remove());
        }
        return Optional.empty();
    }

    private static boolean isSilent(Job job, Instant now, Duration atMost) {
        return job.heardAt() != null && Duration.between(job.heardAt(), now).compareTo(atMost) > 0;
    }

    private CompletionHandler<Void> ended(Job job, Instant now) {
        int code = job.code() == null ? 1 : job.code();
        if (code == 0 || job.cancelled()) {
            queue.finish(job, code == 0 ? Job.State.DONE : Job.State.CANCELLED);
            return remove();
        }
        Optional<Duration> pause = Again.after(code, job.attempt());
        if (pause.isEmpty()) {
            queue.finish(job, Job.State.FAILED);
            return remove();
        }
        LOG.log(
                INFO,
                () -> "job=" + job.id() + " ended with " + code + "; tried again in "
                        + pause.get().toSeconds() + " s");
        Instant next = now.plus(pause.get());
        queue.putBack(job, next, job.said());
        return at(next);
    }

    private static CompletionHandler<Void> remove() {
        return (_, operations) -> operations.remove();
    }

    private static CompletionHandler<Void> at(Instant when) {
        return (complete, operations) -> operations.reschedule(complete, when);
    }
}
