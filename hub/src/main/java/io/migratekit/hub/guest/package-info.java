/**
 * What does a restored VM need beside its disks, and does it boot? A machine as the agent found it, the files that let
 * others run it (libvirt, qemu, Proxmox, and words for the way back to vSphere), and the proof that a restore point boots.
 */
@NullMarked
package io.migratekit.hub.guest;

import org.jspecify.annotations.NullMarked;
