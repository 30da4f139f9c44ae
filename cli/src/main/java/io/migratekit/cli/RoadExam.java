package io.migratekit.cli;

import io.migratekit.cli.Examiner.Exam;
import io.migratekit.nbd.Durations;
import io.migratekit.tunnel.Persistence;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelLimits;
import io.migratekit.tunnel.TunnelSpec;
import io.migratekit.tunnel.TunnelState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Can we get to the hub's host, through SSH of our own or a tunnel that runs as a service? What stands is kept open. */
final class RoadExam implements AutoCloseable {
    private static final Map<String, DoctorCheck> CHECKS = Map.of(
            "resolve", DoctorCheck.SSH_ADDRESS,
            "connect", DoctorCheck.SSH_CONNECTION,
            "ssh version", DoctorCheck.SSH_VERSION,
            "host key", DoctorCheck.HOST_KEY,
            "private key", DoctorCheck.PRIVATE_KEY,
            "authentication", DoctorCheck.AUTHENTICATION,
            "forward", DoctorCheck.FORWARD,
            "session", DoctorCheck.FORWARD,
            "listening", DoctorCheck.LISTENING);
    private static final List<DoctorCheck> OF_SSH = List.of(
            DoctorCheck.SSH_ADDRESS,
            DoctorCheck.SSH_CONNECTION,
            DoctorCheck.SSH_VERSION,
            DoctorCheck.HOST_KEY,
            DoctorCheck.AUTHENTICATION);
    /** Resolve, connect, greeting, keys, authentication: each has its own limit. */
    private static final int STEPS = 5;
    /** Routers forget a connection that is silent for a few minutes, and a stall is told after one. */
    private static final Duration NOTICED_LATE = Duration.ofMinutes(2);

    private final Console quiet;
    private final Duration timeout;
    private final Optional<TunnelSpec> ssh;
    private final Optional<String> tunnel;
    private final Optional<TunnelLimits> configured;
    private volatile @Nullable Way way;
    private volatile boolean up;
    private volatile @Nullable SshHops hops;

    /**
     * @param quiet what the road says by itself is in the findings already
     * @param configured what the configuration says of the tunnel
     */
    RoadExam(
            Console quiet,
            Duration timeout,
            Optional<TunnelSpec> ssh,
            Optional<String> tunnel,
            Optional<TunnelLimits> configured) {
        this.quiet = quiet;
        this.timeout = timeout;
        this.ssh = ssh;
        this.tunnel = tunnel;
        this.configured = configured;
    }

    /** Which check of ours is about a hop. */
    static DoctorCheck of(Finding hop) {
        return CHECKS.getOrDefault(hop.step(), DoctorCheck.AUTHENTICATION);
    }

    String name() {
        return tunnel.map(name -> "tunnel " + name)
                .or(() -> ssh.map(spec -> "ssh://" + spec.target()))
                .orElse("");
    }

    boolean wanted() {
        return ssh.isPresent() || tunnel.isPresent();
    }

    /** Null if none is wanted, or it does not stand. */
    @Nullable
    Way way() {
        return up ? way : null;
    }

    /** Who knows why a client was shown out; null if it is not our own SSH. */
    @Nullable
    SshHops hops() {
        return hops;
    }

    /** Of our own SSH. */
    TunnelState state() {
        return way instanceof SshRoad road ? road.state() : new TunnelState.Connecting(Instant.now());
    }

    void look(Exam exam) {
        tunnel.ifPresent(name -> service(exam, name));
        ssh.ifPresent(spec -> own(exam, spec));
    }

    private void service(Exam exam, String name) {
        if (exam.ask(DoctorCheck.TUNNEL, timeout.multipliedBy(2).plusSeconds(2), () -> {
            ServiceRoad road = new ServiceRoad(quiet, name, timeout);
            way = road;
            road.awaitUp();
            up = true;
            return Answer.ok("up");
        })) {
            configured.ifPresent(limits -> keepalive(exam, limits));
        } else {
            exam.leaveOutAll(List.of(DoctorCheck.AUTHENTICATION), DoctorCheck.TUNNEL);
        }
    }

    private void own(Exam exam, TunnelSpec spec) {
        SshHops listener = new SshHops(spec.target(), "", hop -> exam.found(of(hop), hop));
        hops = listener;
        exam.begin(DoctorCheck.AUTHENTICATION, timeout.multipliedBy(STEPS).plusSeconds(2));
        try {
            SshRoad road = new SshRoad(quiet, spec.withPersistence(Persistence.within(Duration.ZERO)), listener);
            way = road;
            up = true;
            var _ = exam.ask(DoctorCheck.ROUND_TRIP, timeout.plusSeconds(2), () -> roundTrip(road));
            keepalive(exam, spec.limits());
        } catch (TunnelException e) {
            exam.leaveOutAll(OF_SSH, of(listener.broken(e)));
        }
    }

    private static Answer roundTrip(SshRoad road) {
        Duration trip = road.roundTrip();
        return trip.isZero()
                ? Answer.warn("the SSH server did not answer within a second when it was asked how far it is")
                : Answer.ok(Durations.show(trip) + "; " + SshRoad.connectionsToFill(trip) + " connections fill it");
    }

    /** What the other end has set is not to be seen from here. */
    private static void keepalive(Exam exam, TunnelLimits limits) {
        Duration silence = limits.keepalive().multipliedBy(limits.misses());
        String words = "a sign of life every " + Durations.show(limits.keepalive()) + "; a dead road is noticed after "
                + Durations.show(silence);
        var _ = exam.ask(
                DoctorCheck.KEEPALIVE,
                Duration.ofSeconds(1),
                () -> silence.compareTo(NOTICED_LATE) > 0 ? Answer.warn(words) : Answer.ok(words));
    }

    @Override
    public void close() {
        if (way != null) {
            way.close();
        }
    }
}
