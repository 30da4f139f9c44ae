/**
 * How do documents on a disk stay whole, and who may change them? Files that are only ever replaced as a whole, locks
 * that end with their process, and JSON that is not believed before it was looked at.
 */
@NullMarked
package io.migratekit.nbd.files;

import org.jspecify.annotations.NullMarked;
