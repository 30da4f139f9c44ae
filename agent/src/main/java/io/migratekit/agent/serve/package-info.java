/**
 * An agent that serves: it tells a hub which VMs it sees, asks what it has to back up, and lets each backup run as a process of
 * its own, so that one that is stuck holds up nobody else.
 */
@NullMarked
package io.migratekit.agent.serve;

import org.jspecify.annotations.NullMarked;
