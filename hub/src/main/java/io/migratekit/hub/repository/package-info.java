/**
 * What is kept, and what counts? Layers, their manifests and hash files, and the records that make restore points of
 * them; {@code docs/repository-format.md} has the terms and every file.
 */
@NullMarked
package io.migratekit.hub.repository;

import org.jspecify.annotations.NullMarked;
