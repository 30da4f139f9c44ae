/**
 * How does a disk of a restore point become a disk again? A <em>restore point</em> is served somewhere as NBD, a list of hashes says
 * what it has to read as, and a <em>place</em> takes it: a file that is made for it, or an export that exists.
 */
@NullMarked
package io.migratekit.agent.restore;

import org.jspecify.annotations.NullMarked;
