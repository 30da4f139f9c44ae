package io.migratekit.hub;

import java.util.Optional;

/**
 * What should somebody look after?
 *
 * @param kind a stable word: no-good-point, damaged, space
 * @param vm the id of the VM that it is about, if it is about one
 * @param words what is wrong and what to do, for people
 */
public record Alarm(String kind, Optional<String> vm, String words) {
    /** While this stays the same, it is the same alarm, whatever the words say of its age. */
    String identity() {
        return kind + "/" + vm.orElse("");
    }
}
