package io.migratekit.cli;

/**
 * What do the pictures tell apart? All extents with the same word of {@link ContextNames}; flags without a word are
 * "type N".
 *
 * @param key which flags: see {@link Kinds}
 */
record Kind(long key, String name, Ink ink) {}
