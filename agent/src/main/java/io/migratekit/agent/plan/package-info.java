/**
 * Decides what is to be done with which bytes; pure, without any input or output.
 *
 * <p>Terms. The <em>ranges</em> are what is to be copied of a disk: everything, or what changed. The
 * disk is cut by a <em>unit grid</em> of fixed size; a <em>unit</em> is all that the ranges want of one
 * square of that grid, and what one worker copies at a time. A <em>step</em> is what happens to a part
 * of a unit: copied, zeroed, or skipped because both ends read as zero there already. The
 * <em>grain</em> is the smallest area whose zeroes are worth a step of their own. A <em>piece</em> is the
 * part of a step that goes into one request.
 *
 * <p>Read {@link io.migratekit.agent.plan.Planner} first, then {@link io.migratekit.agent.plan.WorkList}.
 */
@NullMarked
package io.migratekit.agent.plan;

import org.jspecify.annotations.NullMarked;
