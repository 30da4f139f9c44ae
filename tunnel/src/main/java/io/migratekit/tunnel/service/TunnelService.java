package io.migratekit.tunnel.service;

import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import io.migratekit.nbd.Durations;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelSpec;
import io.migratekit.tunnel.TunnelState;
import io.migratekit.tunnel.TunnelView;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What is a tunnel that runs as a service? One that is kept up for ever, can be asked by others, and
 * knows in one honest line how it is.
 */
public final class TunnelService implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(TunnelService.class.getName());
    private static final Duration HEALTH_EVERY = Duration.ofSeconds(30);
    private static final Duration HEALTH_AGAIN = Duration.ofSeconds(1);

    private final TunnelSpec spec;
    private final SshTunnel tunnel;
    private final @Nullable HealthCheck health;
    private final ControlSocket control;
    private volatile HealthCheck.@Nullable Answer lastHealth;
    private volatile @Nullable TunnelException lastError;
    private volatile boolean closed;

    private TunnelService(TunnelSpec spec, Optional<URI> health, RuntimeDirectory directory) {
        this.spec = spec;
        this.tunnel = SshTunnel.start(spec, this::entered);
        try {
            this.health =
                    health.map(address -> new HealthCheck(tunnel, address)).orElse(null);
            this.control = ControlSocket.open(spec.name(), tunnel, this::status, directory);
        } catch (RuntimeException | Error e) {
            tunnel.close();
            throw e;
        }
    }

    /**
     * Begins to connect, and to answer; returns at once.
     *
     * @param health an address on the hub that has to answer before the tunnel counts as ready
     */
    public static TunnelService start(TunnelSpec spec, Optional<URI> health, RuntimeDirectory directory) {
        TunnelService service = new TunnelService(spec, health, directory);
        if (service.health != null) {
            Thread.ofPlatform().daemon().name("health-" + spec.name()).start(service::askForHealth);
        }
        return service;
    }

    private void entered(TunnelState state) {
        if (state instanceof TunnelState.Down down) {
            lastError = down.cause();
        }
    }

    private void askForHealth() {
        HealthCheck check = health;
        while (!closed && check != null) {
            HealthCheck.Answer answer =
                    tunnel.isUp() ? check.ask() : new HealthCheck.Answer(false, "not asked: the tunnel is not up");
            HealthCheck.Answer before = lastHealth;
            lastHealth = answer;
            if (tunnel.isUp()
                    && !answer.good()
                    && (before == null || !before.words().equals(answer.words()))) {
                LOG.log(WARNING, () -> "tunnel=" + spec.name() + " health=\"" + answer.words() + "\"");
            }
            try {
                TimeUnit.MILLISECONDS.sleep((answer.good() ? HEALTH_EVERY : HEALTH_AGAIN).toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    public String name() {
        return spec.name();
    }

    /** Whether the hub answers signs of life: its link ends by itself when it has been silent for too long. */
    public boolean isAlive() {
        return tunnel.isUp();
    }

    /** Whether it is up and, where health is asked for, the hub has answered through it. */
    public boolean isReady() {
        HealthCheck.Answer answer = lastHealth;
        return tunnel.isUp() && (health == null || (answer != null && answer.good()));
    }

    /** How it is, in one line that claims nothing that was not seen. */
    public String line() {
        TunnelView view = tunnel.view();
        String how = switch (view.state()) {
            case TunnelState.Connecting _ -> "connecting to " + view.target() + lastErrorWords(". Last error: ");
            case TunnelState.Up up ->
                "up since " + up.since().truncatedTo(java.time.temporal.ChronoUnit.SECONDS) + " to " + view.target()
                        + ", " + connections(view) + unhealthy();
            case TunnelState.Down down ->
                "down"
                        + down.retryAt()
                                .map(at -> ", next attempt in "
                                        + Durations.show(atLeastZero(Duration.between(Instant.now(), at))))
                                .orElse(" for good")
                        + ": " + down.cause().getMessage();
        };
        return spec.name() + " " + how;
    }

    private static String connections(TunnelView view) {
        int open = view.forwards().stream().mapToInt(forward -> forward.open()).sum();
        long refused =
                view.forwards().stream().mapToLong(forward -> forward.refused()).sum();
        return view.forwards().size() + (view.forwards().size() == 1 ? " forward, " : " forwards, ") + open
                + " open connections" + (refused == 0 ? "" : ", " + refused + " refused")
                + (view.timesLost() == 0 ? "" : ", lost " + view.timesLost() + " times");
    }

    private String unhealthy() {
        HealthCheck.Answer answer = lastHealth;
        return health == null || (answer != null && answer.good())
                ? ""
                : "; the hub is not well: " + (answer == null ? "not asked yet" : answer.words());
    }

    private String lastErrorWords(String before) {
        TunnelException error = lastError;
        return error == null ? "" : before + error.getMessage();
    }

    private static Duration atLeastZero(Duration time) {
        return time.isNegative() ? Duration.ZERO : time;
    }

    private JsonObject status() {
        HealthCheck.Answer answer = lastHealth;
        return StatusJson.of(
                tunnel.view(),
                Optional.ofNullable(lastError).map(TunnelException::getMessage),
                Optional.ofNullable(answer).map(HealthCheck.Answer::words));
    }

    /** Lets nobody in any more and ends everything; waits for nobody. */
    @Override
    public void close() {
        closed = true;
        control.close();
        tunnel.close();
    }
}
