/**
 * Proves content: hashes of what was copied, and the file that keeps them.
 *
 * <p>Terms. The disk is cut by a fixed <em>grid</em> into <em>cells</em> of 1 MiB, and each cell into
 * <em>leaves</em> of 64 KiB; at the disk's end both may be shorter. A <em>cell hash</em> is made of the
 * hashes of the cell's leaves; a cell that was copied wholly is known by it. Of a cell that was copied
 * partly, each <em>piece</em> is known by its own hash: a whole leaf, or the part of a leaf that lies in
 * a range. Leaves and pieces have fast hashes that find accidents, XXH128; what is above them has SHA-256.
 * Cells and pieces that are all zero need no hash. The <em>root</em> is the hash over all of it. The format
 * is described in {@code docs/repository-format.md}.
 *
 * <p>Read {@link io.migratekit.nbd.proof.UnitHasher} first, then
 * {@link io.migratekit.nbd.proof.HashFile}.
 */
@NullMarked
package io.migratekit.nbd.proof;

import org.jspecify.annotations.NullMarked;
