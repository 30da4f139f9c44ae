/**
 * A vCenter to test against: it answers SOAP over HTTPS, keeps VMs whose disks are plain files, tracks what is
 * written to them, and misbehaves on demand. Published as a test-jar; {@code SimulatorMain} runs it as a program.
 *
 * <p>Terms. The <em>world</em> (World, SimVm, SimDisk, SimSnapshot) knows nothing of wires. A <em>moment</em> is
 * what a disk looked like when it was frozen: digests of its pieces. The <em>wire</em> (HttpsListener, Connection,
 * Node) knows nothing of VMs. <em>Trouble</em> is what a rule of {@link io.migratekit.vmware.sim.Faults} does to a
 * call. Nothing of yavijava or of our own client is used here, so that both ends cannot share a mistake.
 *
 * <p>Where the documents say nothing about what a real vCenter does, the choice made here is marked "our choice".
 */
@NullMarked
package io.migratekit.vmware.sim;

import org.jspecify.annotations.NullMarked;
