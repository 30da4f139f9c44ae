/**
 * Where an agent writes: one qemu-nbd for each open layer. A crash or a freeze of one harms no other; each has its own
 * place (a loopback port of a fixed pool, or a unix socket), its own lock and its own waits.
 */
@NullMarked
package io.migratekit.hub.export;

import org.jspecify.annotations.NullMarked;
