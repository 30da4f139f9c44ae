/**
 * Moves bytes from one NBD export to another.
 *
 * <p>Terms. An <em>end</em> is one of the two exports, the source or the target. A <em>worker</em> is
 * a platform thread with connections of its own to both ends. A <em>session</em> is what a worker does
 * from one connect to the next. A <em>unit</em> is a piece of the plan that one worker copies; it is
 * <em>complete</em> when everything in it was acknowledged and <em>durable</em> when a flush that was
 * sent after that has been answered. Only durable units are remembered.
 *
 * <p>Read {@code Copier} first, then {@code Session}.
 */
@NullMarked
package io.migratekit.agent.copy;

import org.jspecify.annotations.NullMarked;
