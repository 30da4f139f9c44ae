package io.migratekit.agent.watch;

/**
 * What does a tunnel say of itself? A connection that is silent while its tunnel is down waits for the tunnel.
 *
 * @param side the end of the copy that is reached through it
 * @param name how messages call it
 * @param evidence what is known, such as "no answer to keep-alives for 12 s"
 */
public record Road(Side side, String name, boolean up, String evidence) {
    /** That it is down explains what was seen at its far end. */
    public String explains(RuntimeException failure) {
        return "tunnel " + name + " is " + evidence + " So: " + failure.getMessage();
    }
}
