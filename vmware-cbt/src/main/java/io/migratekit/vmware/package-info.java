/**
 * The source of a backup: a VM of vCenter or of an ESXi host alone, frozen by a snapshot, its disks as
 * ranges that changed and as NBD exports that can be read.
 *
 * <p>A <em>VM</em> is known by its reference ({@link VmRef}) while a session lasts, and by its instance
 * UUID for ever. A <em>disk</em> is known by its key within the VM. A <em>change id</em> stands for a
 * moment of a disk; <em>changed areas</em> are what was written between such a moment and a snapshot.
 * <em>Doubt</em> about changed areas never fails a backup: the disk is copied in full, with the reason.
 */
@NullMarked
package io.migratekit.vmware;

import org.jspecify.annotations.NullMarked;
