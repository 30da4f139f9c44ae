package io.migratekit.agent.watch;

/** Which end of the copy is meant? */
public enum Side {
    SOURCE("source"),
    TARGET("target");

    private final String id;

    Side(String id) {
        this.id = id;
    }

    public String id() {
        return id;
    }
}
