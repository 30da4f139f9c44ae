package io.migratekit.hub.repository;

/** Which record of which VM cannot be read? What it names stays where it is, until the record was restored. */
public record Unreadable(String vm, String file, String why) {}
