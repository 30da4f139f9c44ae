/**
 * The story of a job. Read {@code CopyJob} first: it opens the job, lets the {@code Copier} work, and writes
 * down how it ended.
 */
@NullMarked
package io.migratekit.agent;

import org.jspecify.annotations.NullMarked;
