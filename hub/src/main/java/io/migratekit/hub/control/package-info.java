/**
 * Who backs which VM up, and when? A queue of jobs that agents carry out, limits on what goes on at once, and schedules that
 * ask for jobs.
 *
 * <p>A <em>job</em> is a backup that somebody asked the hub for; its id is that of the backup it makes. An <em>agent</em> asks
 * again and again what it has to do, and tells what became of it. What is kept here is worth nothing for a restore: losing the
 * database loses the queue and its history, never a backup.
 */
@NullMarked
package io.migratekit.hub.control;

import org.jspecify.annotations.NullMarked;
