package io.migratekit.hub.control;

import java.time.Instant;
import java.util.Optional;

/**
 * How fast may the jobs of an agent be, all of them together?
 *
 * @param agent whose way to the hub it is; without it that of each
 * @param window when it holds; without it always
 */
public record Rate(Optional<String> agent, Optional<Window> window, long bytesPerSecond) {
    boolean holds(String who, Instant now) {
        return agent.filter(name -> !name.equals(who)).isEmpty()
                && window.filter(hours -> !hours.isOpen(now)).isEmpty();
    }
}
