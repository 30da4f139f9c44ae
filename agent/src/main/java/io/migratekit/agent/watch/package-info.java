/**
 * Says at any moment what a copy waits for, and since when.
 *
 * <p>Terms. A worker publishes its <em>pulse</em>: its <em>stage</em>, and for each of its connections the requests in
 * flight. A <em>monitor</em> reads pulses, without locks and without ever calling libnbd, so that a worker which is
 * stuck can still be reported. A <em>sign of life</em> is any byte that moved on a connection. A connection is
 * <em>silent</em> while requests are in flight on it and nothing moves. The <em>ledger</em> counts every wait by its
 * name. A <em>layer</em> is where time is spent: it says what was waited for, never why. <em>Slow</em> is what still
 * moves or may legally take this long; <em>stalled</em> is what has not moved for {@code --stall-after}.
 *
 * <p>Read {@link io.migratekit.agent.watch.Pulse} and {@link io.migratekit.agent.watch.StallWatch} first.
 */
@NullMarked
package io.migratekit.agent.watch;

import org.jspecify.annotations.NullMarked;
