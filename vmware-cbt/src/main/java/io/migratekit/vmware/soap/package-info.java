/**
 * The fence around the vSphere stubs: calls in, JSON out, and no type of theirs beyond it.
 *
 * <p>The stubs of yavijava know the names of vSphere's calls and the fields of its data; how they talk, read XML,
 * check certificates and keep a session is ours: {@link io.migratekit.vmware.soap.Vim} is what the rest of the
 * house sees. A <em>moref</em> is the id of a managed object. What an object says of itself comes as JSON in the
 * shape that vSphere's own JSON has: names of the API, {@code _typeName} where the type is not plain.
 */
@NullMarked
package io.migratekit.vmware.soap;

import org.jspecify.annotations.NullMarked;
