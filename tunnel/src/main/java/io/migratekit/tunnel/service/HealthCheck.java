package io.migratekit.tunnel.service;

import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.SshTunnel;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;

/** Does the hub's own address of health answer through the tunnel? Asked over a forward that only we know. */
final class HealthCheck {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final SshTunnel tunnel;
    private final URI health;
    private final Forward.LocalTcp forward;

    /** @param health as the hub sees it */
    HealthCheck(SshTunnel tunnel, URI health) {
        this.tunnel = tunnel;
        this.health = health;
        this.forward =
                new Forward.LocalTcp(Forward.loopback(0), health.getHost(), health.getPort(), Forward.Traffic.CONTROL);
        tunnel.add(forward);
    }

    /** Whether it answered with a success, and what it said otherwise. */
    record Answer(boolean good, String words) {}

    Answer ask() {
        int port = ((InetSocketAddress) tunnel.address(forward)).getPort();
        try {
            URI near = new URI("http", null, "127.0.0.1", port, health.getPath(), health.getQuery(), null);
            var connection = (HttpURLConnection) near.toURL().openConnection(Proxy.NO_PROXY);
            connection.setConnectTimeout((int) LIMIT.toMillis());
            connection.setReadTimeout((int) LIMIT.toMillis());
            connection.setInstanceFollowRedirects(false);
            try {
                int code = connection.getResponseCode();
                boolean good = code >= 200 && code < 300;
                return new Answer(good, good ? "ok" : health + " answers " + code);
            } finally {
                connection.disconnect();
            }
        } catch (IOException | URISyntaxException e) {
            return new Answer(false, health + " does not answer: " + e.getMessage());
        }
    }
}
