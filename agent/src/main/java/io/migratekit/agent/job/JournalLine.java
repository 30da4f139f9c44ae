package io.migratekit.agent.job;

import java.time.Instant;
import java.util.Map;

/**
 * What did one line of a journal say?
 *
 * @param event a {@link JobEvent#word}, or one that a newer version wrote
 * @param details as text, in the order of the line
 */
public record JournalLine(Instant time, String event, Map<String, String> details) {}
