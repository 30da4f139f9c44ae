package io.migratekit.agent.watch;

/** Does something move? */
public enum Motion {
    /** There is nothing to do, or standing still is meant (rate limit, pause, waiting for others). */
    RESTING("resting"),
    MOVING("moving"),
    /** Something arrives but takes long, or it may legally take this long. */
    SLOW("slow"),
    STALLED("stalled");

    private final String id;

    Motion(String id) {
        this.id = id;
    }

    public String id() {
        return id;
    }
}
