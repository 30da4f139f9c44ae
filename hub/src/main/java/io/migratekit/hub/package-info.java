/**
 * The other end: who keeps the backups. A repository of QCOW2 chains, exports to write into, and the HTTP contract
 * ({@code hub/openapi.yaml}) by which an agent asks for a place to write and seals a restore point.
 */
@NullMarked
package io.migratekit.hub;

import org.jspecify.annotations.NullMarked;
