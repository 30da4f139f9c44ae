package io.migratekit.agent.watch;

/**
 * Which job is watched? Goes into every report, so nothing of this may be a secret.
 *
 * @param id the job's id; empty for a copy that is not remembered
 */
public record WatchedJob(String id, String source, String target) {
    String title() {
        return id.isEmpty() ? "copy without a job id" : "job " + id;
    }
}
