/**
 * How does a VM get to where its backups are kept? {@link Migration} is the page to read.
 *
 * <p>A <em>generation</em> is one snapshot of the VM as its backup sees it: a backup that goes on under a new
 * snapshot has a new generation, and every disk of it is brought to that one moment. What is known of the
 * disk at a target, and since when, is a <em>milestone</em>: from there the next backup asks what changed.
 */
@NullMarked
package io.migratekit.agent.migration;

import org.jspecify.annotations.NullMarked;
