package io.migratekit.agent.watch;

import java.time.Duration;

/**
 * What stands still, since when, and what is known about it? Or that it moves again.
 *
 * @param worker whose connections a reconnect would replace
 * @param silent for how long nothing has moved
 * @param evidence what was seen, and nothing beyond
 * @param remedy where to look
 * @param attempt 1 when it is reported first; one more for each repetition, as long as what is missing is not answered
 * @param hangs true if connections that are open now stand still for too long: other ones may help. False if the worker
 *     is losing its connections anyway, or stands still on this machine
 * @param news true if this is the first stall of the job, a repetition of it, or the end of the last one; only these
 *     are worth telling a person, for what stops one worker usually stops all
 * @param wholeJob true if no other worker moves either
 * @param over true when this report says that it moves again
 * @param dump one screen of text about everything, for the failure report; empty if over
 */
public record StallReport(
        String worker,
        Layer layer,
        Duration silent,
        String evidence,
        String remedy,
        int attempt,
        boolean hangs,
        boolean news,
        boolean wholeJob,
        boolean over,
        String dump) {

    /** The report in one sentence. */
    @Override
    public String toString() {
        return over
                ? worker + " moves again (it had stalled in " + layer.id() + ")"
                : "stalled in " + layer.id() + ": " + evidence + ". What to do: " + remedy;
    }
}
