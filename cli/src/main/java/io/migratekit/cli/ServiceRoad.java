package io.migratekit.cli;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.RuntimeDirectory;
import io.migratekit.tunnel.service.ServiceException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A way through a tunnel that runs as a service: it is asked for a forward to where the export is, and holds that for as
 * long as we are there. When the service is started again, a thread asks it anew; the export keeps its address, because
 * that is a link of ours which is then led to the new forward. The same thread asks how the tunnel is, so that nobody
 * who wants to know has to wait.
 */
final class ServiceRoad implements Way {
    private static final System.Logger LOG = System.getLogger(ServiceRoad.class.getName());
    private static final Duration ASK_EVERY = Duration.ofMillis(500);
    /** A tunnel that takes longer to say how it is, is not well. */
    private static final Duration LONGEST_ANSWER = Duration.ofSeconds(5);
    /** At the end nobody waits long for what would only be nice to know. */
    private static final Duration LAST_ANSWER = Duration.ofSeconds(1);

    private final Console console;
    private final String tunnel;
    private final Duration timeout;
    private final DoorFolder doors = new DoorFolder();
    private final List<Held> held = new CopyOnWriteArrayList<>();
    private final Thread keeper;
    private volatile How how = new How(true, Instant.now(), "");
    /** Whether waiting cannot help, because somebody has to change something. */
    private volatile boolean hopeless;

    private volatile boolean closed;

    /** What was seen of the tunnel last. */
    private record How(boolean up, Instant since, String words) {}

    /** One forward: what is wanted, our link to it, and the lease. */
    private static final class Held {
        final String to;
        final Forward.Traffic traffic;
        final Path door;
        volatile ControlClient.Lease lease;

        Held(String to, Forward.Traffic traffic, Path door, ControlClient.Lease lease) {
            this.to = to;
            this.traffic = traffic;
            this.door = door;
            this.lease = lease;
        }
    }

    ServiceRoad(Console console, String tunnel, Duration timeout) {
        this.console = console;
        this.tunnel = tunnel;
        this.timeout = timeout;
        keeper = Thread.ofPlatform().daemon().name("road-" + tunnel).unstarted(this::keep);
    }

    private ControlClient client(Duration limit) {
        return new ControlClient(
                RuntimeDirectory.byDefault(System.getenv()), timeout.compareTo(limit) < 0 ? timeout : limit);
    }

    @Override
    public String name() {
        return "tunnel " + tunnel;
    }

    @Override
    public Path door(NbdUri.Transport there, Forward.Traffic traffic) {
        String to = switch (there) {
            case NbdUri.Tcp tcp -> (tcp.host().contains(":") ? "[" + tcp.host() + "]" : tcp.host()) + ":" + tcp.port();
            case NbdUri.Unix unix -> "unix:" + unix.socketPath();
        };
        ControlClient.Lease lease = client(timeout).lease(tunnel, to, traffic);
        Held forward = new Held(to, traffic, doors.next(), lease);
        held.add(forward);
        lead(forward);
        awaitUp();
        if (keeper.getState() == Thread.State.NEW) {
            keeper.start();
        }
        return forward.door;
    }

    /** A service may just be connecting; but a command does not begin by a way that is not there. */
    void awaitUp() {
        Deadline deadline = Deadline.in(timeout);
        String trouble = look();
        if (trouble != null && !hopeless) {
            console.say("waiting up to " + Durations.show(timeout) + " for the tunnel " + tunnel + ": " + trouble);
        }
        while (trouble != null) {
            if (hopeless || deadline.isOver() || Thread.currentThread().isInterrupted()) {
                throw new CommandFailed(ExitCode.TUNNEL, "the tunnel " + tunnel + " is not up: " + trouble);
            }
            try {
                TimeUnit.MILLISECONDS.sleep(deadline.atMost(ASK_EVERY).toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            trouble = look();
        }
    }

    /** Lets our link lead to the lease of this moment, in one step. */
    private void lead(Held forward) {
        Path next = Path.of(forward.door + ".new");
        try {
            Files.deleteIfExists(next);
            Files.createSymbolicLink(next, socketOf(forward.lease.address()));
            Files.move(next, forward.door, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.LOCAL_STATE,
                    "cannot make " + forward.door + ", the way to the tunnel " + tunnel + ": " + SafeFiles.reason(e)
                            + ".");
        }
    }

    private static Path socketOf(SocketAddress address) {
        if (address instanceof UnixDomainSocketAddress unix) {
            return unix.getPath();
        }
        throw new IllegalStateException("a lease is a unix socket, not " + address);
    }

    // ---- the thread

    private void keep() {
        while (!closed) {
            note(look());
            try {
                TimeUnit.MILLISECONDS.sleep(ASK_EVERY.toMillis());
            } catch (InterruptedException e) {
                return; // Only close() does that.
            }
        }
    }

    /** Null when all is well, else what is the matter. */
    private @Nullable String look() {
        try {
            for (Held forward : held) {
                if (!forward.lease.isHeld()) {
                    renew(forward);
                }
            }
            JsonObject status = client(LONGEST_ANSWER).status(tunnel);
            String state = word(status, "state");
            hopeless = word(status, "may-pass").equals("false");
            return state.equals("up") ? forbidden(status) : "it is " + state + ": " + word(status, "last-error");
        } catch (ServiceException | CommandFailed e) {
            return e.getMessage();
        }
    }

    /** A tunnel whose server lets nobody of ours through leads nowhere; null if it does not forbid it. */
    private @Nullable String forbidden(JsonObject status) {
        return ours(status)
                .filter(forward -> word(forward, "forbidden").equals("true"))
                .findFirst()
                .map(forward -> "closed to us: " + word(forward, "last-refusal"))
                .orElse(null);
    }

    private void renew(Held forward) {
        note("its service has ended");
        ControlClient.Lease lease = client(LONGEST_ANSWER).lease(tunnel, forward.to, forward.traffic);
        forward.lease.close();
        forward.lease = lease;
        lead(forward);
        LOG.log(
                INFO,
                () -> "tunnel=" + tunnel + " the service was started again; forward to " + forward.to + " asked anew");
    }

    private void note(@Nullable String trouble) {
        How before = how;
        boolean up = trouble == null;
        how = new How(up, up == before.up() ? before.since() : Instant.now(), trouble == null ? "" : trouble);
    }

    // ---- what others ask

    @Override
    public Road road(Side side) {
        How now = how;
        return new Road(
                side,
                tunnel,
                now.up(),
                now.up()
                        ? ""
                        : "down for " + Durations.show(Duration.between(now.since(), Instant.now())) + ": "
                                + now.words());
    }

    @Override
    public Road lookAgain(Side side) {
        note(look());
        return road(side);
    }

    /** How long its tunnel is only the service knows. */
    @Override
    public int connectionsToFill() {
        return 1;
    }

    /** The service's own configuration says who may call back. */
    @Override
    public void callBack(int portThere, InetSocketAddress here) {}

    @Override
    public void close() {
        boolean ask = how.up() && !held.isEmpty();
        closed = true;
        keeper.interrupt();
        try {
            if (keeper.getState() != Thread.State.NEW) {
                var _ = keeper.join(LAST_ANSWER);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (ask) {
            sayWhatWasRefused();
        }
        held.forEach(forward -> forward.lease.close());
        doors.close();
    }

    /** To an NBD client a refused forward is a connection that ends at once; only the tunnel knows why. */
    private void sayWhatWasRefused() {
        for (JsonObject forward : refusals()) {
            console.say("tunnel " + tunnel + ": not let through " + word(forward, "refused")
                    + (word(forward, "refused").equals("1") ? " time: " : " times, at last: ")
                    + word(forward, "last-refusal"));
        }
    }

    /** Why clients of ours were not let through, at last; empty if all were, or it cannot be asked. */
    List<String> lastRefusals() {
        return refusals().stream().map(forward -> word(forward, "last-refusal")).toList();
    }

    private List<JsonObject> refusals() {
        try {
            return ours(client(LAST_ANSWER).status(tunnel))
                    .filter(forward -> forward.has("last-refusal"))
                    .toList();
        } catch (ServiceException e) {
            LOG.log(DEBUG, () -> "tunnel=" + tunnel + " did not tell what it refused: " + e.getMessage());
            return List.of();
        }
    }

    private Stream<JsonObject> ours(JsonObject status) {
        return status.getAsJsonArray("forwards").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .filter(forward -> isOurs(word(forward, "listen")));
    }

    private boolean isOurs(String listen) {
        return held.stream()
                .anyMatch(forward ->
                        listen.equals(socketOf(forward.lease.address()).toString()));
    }

    private static String word(JsonObject json, String key) {
        return json.has(key) ? json.get(key).getAsString() : "";
    }
}
