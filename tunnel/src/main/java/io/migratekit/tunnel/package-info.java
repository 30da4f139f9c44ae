/**
 * The road between a machine with disks and the hub: SSH forwards that stay up, or say why not.
 *
 * <p>A <em>tunnel</em> leads to one SSH server. A <em>link</em> is one SSH session of it; the <em>base
 * link</em> is always kept up, further <em>data links</em> come and go with the connections that need
 * them. A <em>forward</em> is a rule (who listens, where it leads), a <em>relay</em> one connection that
 * follows it. A link is <em>lost</em> when its session ended or nothing was heard for too long.
 */
@NullMarked
package io.migratekit.tunnel;

import org.jspecify.annotations.NullMarked;
