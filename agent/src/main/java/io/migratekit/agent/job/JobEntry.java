package io.migratekit.agent.job;

/** What is in a job's folder? A job, or something that no job can be made out of. */
public sealed interface JobEntry permits JobView, JobEntry.Unreadable {
    JobId id();

    /** A job whose files make no sense, or may not be read. */
    record Unreadable(JobId id, String why) implements JobEntry {}
}
