package io.migratekit.hub.control;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What was asked for, and how far is it?
 *
 * @param hub the repository that the backup goes to
 * @param whole whether everything is to be copied, whatever is known of changes
 * @param notBefore it does not begin earlier: it is to be tried again, or was planned so
 * @param window at which hours it may begin
 * @param agent who carries it out
 * @param uses what it takes up of what is limited while it runs
 * @param attempt how often it was begun
 * @param heardAt when the agent has spoken of it last
 * @param code the exit code of the last attempt
 * @param said what the last attempt said at its end, or what the running one waits for
 */
public record Job(
        String id,
        String hub,
        String vm,
        String vmName,
        State state,
        int priority,
        boolean whole,
        String askedBy,
        Instant askedAt,
        Instant notBefore,
        Optional<Window> window,
        @Nullable String agent,
        Map<String, Integer> uses,
        int attempt,
        @Nullable Instant begunAt,
        @Nullable Instant heardAt,
        @Nullable Instant endedAt,
        @Nullable Integer code,
        @Nullable String said,
        boolean cancelled) {
    public Job {
        uses = Map.copyOf(uses);
    }

    /** One that was just asked for. */
    static Job asked(
            String id,
            String hub,
            String vm,
            String vmName,
            int priority,
            boolean whole,
            String askedBy,
            Instant now,
            Instant notBefore,
            Optional<Window> window) {
        return new Job(
                id,
                hub,
                vm,
                vmName,
                State.QUEUED,
                priority,
                whole,
                askedBy,
                now,
                notBefore,
                window,
                null,
                Map.of(),
                0,
                null,
                null,
                null,
                null,
                null,
                false);
    }

    /** Whether nobody may go on with what it began: it was cancelled, or its agent was lost. */
    boolean isGivenUp() {
        return cancelled && (agent == null || !state.isLive());
    }

    /** How far is it? */
    public enum State {
        /** It waits until it may begin. */
        QUEUED,
        /** It was given to an agent, which has not said yet that it has it. */
        GIVEN,
        RUNNING,
        /** The agent has said how it ended; what follows from that is not decided yet. */
        ENDED,
        DONE,
        FAILED,
        CANCELLED;

        /** Whether something is still to be done for it. */
        public boolean isLive() {
            return compareTo(ENDED) <= 0;
        }
    }
}
