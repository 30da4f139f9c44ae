package io.migratekit.hub.api;

import java.time.Duration;

/**
 * How much may clients ask of the HTTP server?
 *
 * @param connections that are held at once; who comes then waits until another one goes
 * @param idle how long a connection may be silent
 * @param request how long a whole request's head may take to come, however steadily it trickles
 * @param content the same for a JSON content
 * @param grace for so long a content that streams may be slower than {@code bytesPerSecond}
 * @param bytesPerSecond what a content that streams has to make on average
 */
record HttpLimits(
        int connections,
        Duration idle,
        Duration request,
        Duration content,
        int headerBytes,
        int jsonBytes,
        Duration grace,
        int bytesPerSecond) {
    static final HttpLimits DEFAULTS = new HttpLimits(
            1000,
            Duration.ofSeconds(30),
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            16 << 10,
            4 << 20,
            Duration.ofSeconds(60),
            1 << 10);
}
