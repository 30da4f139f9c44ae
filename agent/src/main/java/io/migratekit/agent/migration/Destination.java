package io.migratekit.agent.migration;

/** Where do the disks of a VM go: into exports that somebody else looks after, or to a hub, which makes places for them? */
public sealed interface Destination permits Targets, HubDestination {
    /** What was asked for, as one word: a job of the same name must ask for the same. */
    String text();
}
