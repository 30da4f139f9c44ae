/**
 * Remembers what one copy has durably done, and lets other terminals talk to it while it runs.
 *
 * <p>Terms. A <em>job</em> is one piece of work with an id that the user chose; it lives in a folder
 * of its own below the <em>state directory</em>. A <em>run</em> is one process working on a job; the
 * same id again is the next run, which resumes. What makes two runs the same job is its
 * <em>identity</em>: the two ends, the disk's size, the ranges. A <em>unit</em> is a piece of the plan
 * with a number; it is <em>durable</em> when the target has answered a flush for it, and
 * <em>recorded</em> when that fact itself survives a power cut; what the job keeps for it, its hashes,
 * is its <em>payload</em>. An <em>outcome</em> is how a run ended. A run without a job id is
 * <em>anonymous</em>: it works the same way and leaves nothing behind.
 *
 * <p>Read {@link io.migratekit.agent.job.RunRecord} first, which is all that a copier sees, then
 * {@code ProgressLog}, on which resuming rests, then {@link io.migratekit.agent.job.JobStore}. The
 * files are described in docs/state-format.md.
 *
 * <p>Nothing here minds that its thread was interrupted: a run that is being stopped still has to
 * write down what it did. That is why files are not written through {@code FileChannel}, which an
 * interrupt closes.
 */
@NullMarked
package io.migratekit.agent.job;

import org.jspecify.annotations.NullMarked;
