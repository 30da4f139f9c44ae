package io.migratekit.agent.job;

/** What came of opening a job? A run that may begin, or the news that there is nothing left to do. */
public sealed interface JobStart {
    /** This process now has the job, until the run is closed. */
    record Ready(JobRun run) implements JobStart {}

    /** The very same job was finished before. */
    record AlreadyFinished(JobView job, JobState.Finished state) implements JobStart {}
}
