/**
 * A tunnel that runs for others: what a service adds to {@link io.migratekit.tunnel.SshTunnel}, and how
 * other processes of the same user talk to it.
 *
 * <p>A <i>control socket</i> takes one question a connection, a line of JSON, and answers with a line. A
 * <i>lease</i> is a forward that somebody asked for this way; it lasts as long as its connection.
 */
@NullMarked
package io.migratekit.tunnel.service;

import org.jspecify.annotations.NullMarked;
