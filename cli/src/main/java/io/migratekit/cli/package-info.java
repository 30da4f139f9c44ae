/**
 * Words in, words and exit codes out: the command line, and the only place that prints.
 *
 * <p>A <em>map</em> is what a server says of a disk through one metadata context, as extents in ascending order. A
 * <em>sink</em> prints it while it comes. In a <em>picture</em> a disk is cut into <em>slices</em> of equal length; each
 * is drawn as one <em>cell</em>, with the mark of the <em>kind</em> of its extents.
 */
@NullMarked
package io.migratekit.cli;

import org.jspecify.annotations.NullMarked;
