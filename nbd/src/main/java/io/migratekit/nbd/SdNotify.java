package io.migratekit.nbd;

import static java.lang.System.Logger.Level.WARNING;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How does systemd hear from us? As sd_notify(3) says: a datagram with lines to the socket of the
 * environment. Where there is none, nobody listens and nothing is sent.
 */
public final class SdNotify {
    private static final System.Logger LOG = System.getLogger(SdNotify.class.getName());
    private static final Duration ALIVE_EVERY = Duration.ofSeconds(5);
    /** Of the time after which systemd loses its patience. */
    private static final int ALIVE_PARTS = 3;

    private final Optional<String> socket;
    private final Optional<Duration> watchdog;
    private boolean complained;

    private SdNotify(Optional<String> socket, Optional<Duration> watchdog) {
        this.socket = socket;
        this.watchdog = watchdog;
    }

    /**
     * The one that this environment wants.
     *
     * @param environment the variables of the process, among them what systemd set
     */
    public static SdNotify of(Map<String, String> environment) {
        Optional<String> socket = Optional.ofNullable(environment.get("NOTIFY_SOCKET"))
                .filter(path -> path.startsWith("/") || path.startsWith("@"));
        Optional<Duration> watchdog = Optional.ofNullable(environment.get("WATCHDOG_USEC"))
                .filter(micros -> micros.matches("[1-9][0-9]{0,17}"))
                .filter(_ -> isMeant(environment.get("WATCHDOG_PID")))
                .map(micros -> Duration.ofNanos(Math.multiplyExact(Math.min(Long.parseLong(micros), 1L << 52), 1000)));
        return new SdNotify(socket, watchdog);
    }

    private static boolean isMeant(@Nullable String pid) {
        return pid == null || pid.equals(Long.toString(ProcessHandle.current().pid()));
    }

    /** Without a sign of life for so long systemd ends us; empty if it does not watch. */
    public Optional<Duration> watchdog() {
        return watchdog;
    }

    /** How often it is to be told that we live: a few times within its patience, and now and then in any case. */
    public Duration aliveEvery() {
        return watchdog.map(limit -> limit.dividedBy(ALIVE_PARTS))
                .filter(part -> part.compareTo(ALIVE_EVERY) < 0)
                .orElse(ALIVE_EVERY);
    }

    /** Whether anybody listens. */
    public boolean isHeard() {
        return socket.isPresent();
    }

    /** What was started is there. */
    public void ready() {
        send("READY=1");
    }

    /** The sign of life that {@link #watchdog} wants. */
    public void alive() {
        send("WATCHDOG=1");
    }

    /** The end has begun. */
    public void stopping() {
        send("STOPPING=1");
    }

    /** One line for people: what {@code systemctl status} shows. */
    public void status(String line) {
        send("STATUS=" + line.replaceAll("\\p{Cntrl}+", " "));
    }

    private synchronized void send(String line) {
        if (socket.isEmpty()) {
            return;
        }
        Posix.Result sent = Posix.sendDatagram(socket.get(), line.getBytes(StandardCharsets.UTF_8));
        if (sent.failed() && !complained) {
            complained = true;
            LOG.log(WARNING, () -> "systemd cannot be told \"" + line + "\": " + Posix.describe(sent.errno()));
        }
    }
}
