package io.migratekit.vmware.soap;

import java.util.List;

/**
 * An element of a type that the stubs do not know, as it came.
 *
 * @param type the name that the server gave to its type; empty if none
 */
record RawElement(String name, String type, String text, List<RawElement> children) {}
