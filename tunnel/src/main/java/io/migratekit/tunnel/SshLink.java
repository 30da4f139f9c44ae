package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.DEBUG;

import com.jcraft.jsch.HubChannel;
import com.jcraft.jsch.HubSession;
import io.migratekit.nbd.Durations;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Does one SSH session live? It is opened within limits, asked for signs of life, and ends in one
 * moment for everybody who uses it: {@link #lose} closes the raw socket, then the relays.
 *
 * <p>Two threads watch it. One asks for signs of life, which can block behind a full socket, like
 * everything that takes a lock of jsch. The other only looks at how many bytes have come, takes no
 * lock, and ends the link when it was silent for too long although a sign of life was due.
 */
final class SshLink implements AutoCloseable, HubSession.Events {
    private static final System.Logger LOG = System.getLogger(SshLink.class.getName());
    private static final Duration GOODBYE = Duration.ofMillis(500);
    private static final Duration LONGEST_TICK = Duration.ofMillis(250);
    private static final int ROUND_TRIPS = 3;

    /** What can be closed without waiting. */
    interface Guest {
        /** The link is lost: whoever is at the other end must see it now. Must not block. */
        void abort();
    }

    /** Who takes connections that come from a port of ours on the hub. */
    interface Callers {
        void called(SshLink link, HubChannel channel, int hubPort);
    }

    /** A global request under way; answers come in the order of the questions. */
    private record Question(long askedNanos, CompletableFuture<Boolean> answer) {}

    private final String name;
    private final TunnelSpec spec;
    private final Callers callers;
    private final Login login;
    private final Login.Result up;
    private final Instant since = Instant.now();
    private final Set<Guest> guests = ConcurrentHashMap.newKeySet();
    private final Queue<Question> questions = new ConcurrentLinkedQueue<>();
    private final Object asking = new Object();
    private final AtomicReference<@Nullable TunnelException> loss = new AtomicReference<>();
    private final CompletableFuture<TunnelException> ended = new CompletableFuture<>();
    private volatile @Nullable String lastWords;
    /** Keys are exchanged again in the life of a session; the login is over then. */
    private volatile boolean loggedIn;

    private volatile boolean signOfLifeDue;
    private volatile Duration roundTrip = Duration.ZERO;
    private volatile long idleSinceNanos = System.nanoTime();

    private SshLink(String name, TunnelSpec spec, Callers callers, HopListener hops) {
        this.name = name;
        this.spec = spec;
        this.callers = callers;
        this.login = new Login(spec, name, hops);
        LOG.log(DEBUG, () -> "link=" + name + " connecting to " + spec.target());
        this.up = login.run(this);
        this.loggedIn = true;
    }

    /** Connects, or throws a {@link TunnelException} that says how far it got and why not further. */
    static SshLink open(String name, TunnelSpec spec, Callers callers, HopListener hops) {
        SshLink link = new SshLink(name, spec, callers, hops);
        link.up.wire().onEnd(link::socketEnded);
        link.start("ssh-watch-", link::watch);
        link.start("ssh-keepalive-", link::askForSignsOfLife);
        LOG.log(DEBUG, () -> "link=" + name + " up server=" + link.serverVersion());
        return link;
    }

    private void start(String prefix, Runnable work) {
        Thread.ofPlatform().daemon().name(prefix + name).start(work);
    }

    String name() {
        return name;
    }

    Instant since() {
        return since;
    }

    String serverVersion() {
        return String.valueOf(up.session().getServerVersion()).replaceAll("[^ -~]", "?");
    }

    /** The latest time between a question and its answer; zero before the first. */
    Duration roundTrip() {
        return roundTrip;
    }

    boolean isUp() {
        return loss.get() == null;
    }

    /** Why it has ended; null as long as it has not. */
    @Nullable
    TunnelException loss() {
        return loss.get();
    }

    /** How many relays run over it. */
    int load() {
        return guests.size();
    }

    /** Done when the link is lost or closed. */
    CompletableFuture<TunnelException> ended() {
        return ended;
    }

    /** For how long nobody has used it. */
    Duration idle() {
        return guests.isEmpty() ? Duration.ofNanos(System.nanoTime() - idleSinceNanos) : Duration.ZERO;
    }

    /** From now on this guest is told when the link is lost; at once if it is already. */
    void enter(Guest guest) {
        guests.add(guest);
        if (!isUp()) {
            guest.abort();
        }
    }

    void leave(Guest guest) {
        guests.remove(guest);
        idleSinceNanos = System.nanoTime();
    }

    /** Opens the way to the far end of a forward, within the limit, with the first window of a relay. */
    HubChannel open(Forward.Local forward, HubChannel.Receiver receiver) {
        Duration limit = spec.limits().forwardOpen();
        try {
            return switch (forward) {
                case Forward.LocalTcp tcp ->
                    HubChannel.openTcp(
                            up.session(), tcp.hubHost(), tcp.hubPort(), Relay.FIRST_WINDOW_BYTES, receiver, limit);
                case Forward.LocalUnix unix ->
                    HubChannel.openUnix(up.session(), unix.hubSocket(), Relay.FIRST_WINDOW_BYTES, receiver, limit);
            };
        } catch (HubChannel.RefusedException e) {
            throw Refusals.explain(spec.target(), forward, e.refusal());
        } catch (HubChannel.SilenceException e) {
            throw new Dial(spec.target(), spec.limits()).noAnswer(Step.FORWARD, limit);
        } catch (IOException e) {
            throw lost();
        } catch (InterruptedException e) {
            throw new Dial(spec.target(), spec.limits()).interrupted();
        }
    }

    /** Asks the hub to listen for us, within the limit. */
    void listenOnHub(Forward.ReverseTcp forward) {
        byte[] address = forward.hubAddress().getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream details = new ByteArrayOutputStream();
        details.writeBytes(ByteBuffer.allocate(4).putInt(address.length).array());
        details.writeBytes(address);
        details.writeBytes(ByteBuffer.allocate(4).putInt(forward.hubPort()).array());
        Duration limit = spec.limits().forwardOpen();
        try {
            if (!ask("tcpip-forward", details.toByteArray()).get(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                throw Refusals.explain(spec.target(), forward);
            }
        } catch (TimeoutException e) {
            throw new Dial(spec.target(), spec.limits()).noAnswer(Step.FORWARD, limit);
        } catch (IOException | ExecutionException e) {
            throw lost();
        } catch (InterruptedException e) {
            throw new Dial(spec.target(), spec.limits()).interrupted();
        }
    }

    /** The shortest of a few times in which the hub answers; zero if it does not within the limit. */
    Duration measureRoundTrip(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        Duration shortest = Duration.ZERO;
        try {
            for (int i = 0; i < ROUND_TRIPS; i++) { // The first ones also wait for code that has never run.
                long began = System.nanoTime();
                boolean _ = ask("keepalive@openssh.com", new byte[0]).get(end - began, TimeUnit.NANOSECONDS);
                Duration took = Duration.ofNanos(System.nanoTime() - began);
                shortest = i == 0 || took.compareTo(shortest) < 0 ? took : shortest;
            }
        } catch (TimeoutException | IOException | ExecutionException e) {
            LOG.log(DEBUG, () -> "link=" + name + " round trip not measured: " + e);
        } catch (InterruptedException e) {
            throw new Dial(spec.target(), spec.limits()).interrupted();
        }
        return shortest;
    }

    private TunnelException lost() {
        TunnelException cause = loss.get();
        return cause != null
                ? cause
                : new TunnelException.LinkLost(spec.target() + ": the SSH session has just ended.", null);
    }

    private CompletableFuture<Boolean> ask(String request, byte[] details) throws IOException {
        CompletableFuture<Boolean> answer = new CompletableFuture<>();
        synchronized (asking) { // Answers carry no name, so questions must leave in the order of the queue.
            questions.add(new Question(System.nanoTime(), answer));
            up.session().request(request, details);
        }
        return answer;
    }

    private void askForSignsOfLife() {
        try {
            while (!endsWithin(spec.limits().keepalive())) {
                if (!signOfLifeDue) {
                    signOfLifeDue = true; // Due from now on, even if the question cannot even leave.
                    CompletableFuture<Boolean> _ =
                            ask("keepalive@openssh.com", new byte[0]).whenComplete((_, _) -> signOfLifeDue = false);
                }
            }
        } catch (IOException e) {
            socketEnded(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean endsWithin(Duration time) throws InterruptedException {
        try {
            TunnelException _ = ended.get(time.toNanos(), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new AssertionError("it only ever ends normally", e);
        }
    }

    /** Takes no lock of jsch, never. */
    private void watch() {
        long limit = spec.limits().silence().toNanos();
        long tick = Math.min(LONGEST_TICK.toNanos(), spec.limits().keepalive().toNanos() / 4);
        long seen = up.wire().received();
        long silent = 0;
        long last = System.nanoTime();
        try {
            while (isUp()) {
                Thread.sleep(Duration.ofNanos(tick));
                long now = System.nanoTime();
                long received = up.wire().received();
                // A machine that stood still itself has not heard silence: no tick counts for more than two.
                silent = received == seen ? silent + Math.min(now - last, 2 * tick) : 0;
                seen = received;
                last = now;
                if (silent >= limit && signOfLifeDue) {
                    lose(new TunnelException.LinkLost(
                            spec.target() + ": nothing was heard for " + Durations.show(Duration.ofNanos(silent))
                                    + ", although a sign of life was due. Usual cause: the network between here and the"
                                    + " hub is cut, or sshd or the whole hub stands still.",
                            null));
                }
            }
            Thread.sleep(GOODBYE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        up.wire().cut();
    }

    private void socketEnded(@Nullable IOException e) {
        String words = lastWords;
        lose(new TunnelException.LinkLost(
                spec.target() + ": the SSH session has ended: "
                        + (words != null
                                ? "the server says: " + words
                                : e == null ? "the server closed the connection" : String.valueOf(e.getMessage()))
                        + ". Usual cause: " + usualCause(e) + ".",
                e));
    }

    /** The kernel gives up when nothing is acknowledged any more: then nobody has ended the session on purpose. */
    private static String usualCause(@Nullable IOException e) {
        return e != null && String.valueOf(e.getMessage()).contains("timed out")
                ? "the network between here and the hub is cut, or a firewall or router on the way forgot the idle"
                        + " connection (signs of life at shorter intervals keep it awake)"
                : "sshd or the hub was stopped or restarted, or a firewall ended the connection";
    }

    /** The first cause counts. Everybody who uses the link is freed at once. */
    private void lose(TunnelException cause) {
        if (!loss.compareAndSet(null, cause)) {
            return;
        }
        up.wire().cut();
        guests.forEach(Guest::abort);
        questions.forEach(question -> question.answer().completeExceptionally(cause));
        LOG.log(DEBUG, () -> "link=" + name + " lost: " + cause.getMessage());
        ended.complete(cause);
    }

    /** Ends the link; never waits for the hub. */
    @Override
    public void close() {
        TunnelException cause = new TunnelException.Cancelled(spec.target() + ": the tunnel was closed.");
        if (!loss.compareAndSet(null, cause)) {
            return;
        }
        guests.forEach(Guest::abort);
        ended.complete(cause);
        // jsch's goodbye can hang behind a full socket; the watch cuts the socket soon, whatever it does.
        start("ssh-goodbye-", () -> up.session().disconnect());
    }

    @Override
    public void keyExchangeBegan() {
        if (!loggedIn) {
            login.enter(Step.KEY_EXCHANGE);
        }
    }

    @Override
    public void newKeys() {
        if (!loggedIn) {
            login.enter(Step.AUTHENTICATION);
        }
    }

    @Override
    public void requestAnswered(boolean granted) {
        Question question = questions.poll();
        if (question != null) {
            roundTrip = Duration.ofNanos(System.nanoTime() - question.askedNanos());
            question.answer().complete(granted);
        }
    }

    @Override
    public void forwarded(HubChannel channel, String address, int port) {
        callers.called(this, channel, port);
    }

    @Override
    public void disconnected(String words) {
        lastWords = words.replaceAll("[^ -~]", "?");
    }

    /** What is known of one link, for people. */
    LinkView view() {
        return new LinkView(
                name,
                since,
                load(),
                up.wire().received(),
                up.wire().sent(),
                roundTrip,
                Optional.ofNullable(loss.get()));
    }
}
