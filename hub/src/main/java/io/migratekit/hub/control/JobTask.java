package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.github.kagkarlsson.scheduler.task.CompletionHandler;
import com.github.kagkarlsson.scheduler.task.ExecutionContext;
import com.github.kagkarlsson.scheduler.task.FailureHandler;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.CustomTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What becomes of one job? The scheduler executes this for as long as the job is under way, and when this process died the next
 * one of this hub goes on: nothing of it is kept but what stands in the database. One that waits needs no execution.
 */
final class JobTask {
    private static final System.Logger LOG = System.getLogger(JobTask.class.getName());
    private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
    private static final Duration AFTER_TROUBLE = Duration.ofSeconds(10);
    /** What was given to an agent is spoken of in its next question, a few seconds later. */
    private static final Duration TAKEN_WITHIN = Duration.ofMinutes(1);

    private final Queue queue;
    /** An agent that falls silent may be started anew; its jobs go on meanwhile, or are gone on with. */
    private final Duration lostAfter;

    JobTask(Queue queue, Duration lostAfter) {
        this.queue = queue;
        this.lostAfter = lostAfter;
    }

    /** Each hub executes its own jobs, since nobody else can look into its repository: others do not know them by this name. */
    static TaskDescriptor<Void> of(String hub) {
        return TaskDescriptor.of("job " + hub);
    }

    CustomTask<Void> task() {
        return Tasks.custom(queue.jobTask())
                .onFailure(again("job", AFTER_TROUBLE))
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
        return at(Instant.now()); // This hub goes on with it when it is back.
    }

    /** What is to be done now; empty if something is to be waited for. */
    private Optional<CompletionHandler<Void>> step(Job job) {
        Instant now = Instant.now();
        return switch (job.state()) {
            case QUEUED -> Optional.of(queued(job));
            case GIVEN -> given(job, now);
            case RUNNING -> running(job, now);
            case ENDED -> Optional.of(ended(job, now));
            case DONE, FAILED, CANCELLED -> Optional.of(remove());
        };
    }

    /** Its turn comes without us. */
    private CompletionHandler<Void> queued(Job job) {
        if (job.cancelled()) {
            queue.finish(job, Job.State.CANCELLED);
        }
        return remove();
    }

    /** Whether the agent has taken it and cannot say so is not known, so it is the same as one that was lost. */
    private Optional<CompletionHandler<Void>> given(Job job, Instant now) {
        return isSilent(job, now, TAKEN_WITHIN) && queue.lost(job, "agent " + job.agent() + " did not take it")
                ? Optional.of(remove())
                : Optional.empty();
    }

    private Optional<CompletionHandler<Void>> running(Job job, Instant now) {
        return isSilent(job, now, lostAfter)
                        && queue.lost(job, "agent " + job.agent() + " was not heard for " + Durations.show(lostAfter))
                ? Optional.of(remove())
                : Optional.empty();
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
        return remove();
    }

    /** What failed for a reason that nobody thought of is tried again, and said. */
    static FailureHandler<Void> again(String what, Duration pause) {
        return (complete, operations) -> {
            LOG.log(
                    WARNING,
                    () -> what + "=" + complete.getExecution().getId() + " will be tried again: "
                            + complete.getCause().map(Throwable::getMessage).orElse("it failed"));
            operations.reschedule(complete, Instant.now().plus(pause));
        };
    }

    private static CompletionHandler<Void> remove() {
        return (_, operations) -> operations.remove();
    }

    private static CompletionHandler<Void> at(Instant when) {
        return (complete, operations) -> operations.reschedule(complete, when);
    }
}
