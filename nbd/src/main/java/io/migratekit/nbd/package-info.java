/**
 * Talks NBD; knows disks as ranges of bytes, nothing else.
 *
 * <p>Terms. A <em>connection</em> is one socket to one export of a server; it is driven by the one
 * platform thread that opened it. A <em>wait</em> is a moment in which only the peer can act; each
 * has a name ({@link io.migratekit.nbd.Wait}) and a limit ({@link io.migratekit.nbd.Limits}): the
 * longest <em>silence</em> that is accepted, so that a slow peer, which sends something now and then,
 * is never mistaken for one that hangs. A {@link io.migratekit.nbd.Deadline} bounds everything.
 *
 * <p>Read {@link io.migratekit.nbd.NbdConnection} first, then {@code Patience}, where all waiting is
 * done, then {@code Handle}, which alone calls libnbd.
 */
@NullMarked
package io.migratekit.nbd;

import org.jspecify.annotations.NullMarked;
