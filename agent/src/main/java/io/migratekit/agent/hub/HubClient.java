package io.migratekit.agent.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.Secret;
import io.migratekit.nbd.files.JsonFields;
import java.io.EOFException;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.eclipse.jetty.client.CompletableResponseListener;
import org.eclipse.jetty.client.ContentResponse;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.HttpResponseException;
import org.eclipse.jetty.client.PathRequestContent;
import org.eclipse.jetty.client.PathResponseListener;
import org.eclipse.jetty.client.RedirectProtocolHandler;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.client.StringRequestContent;
import org.eclipse.jetty.client.WWWAuthenticationProtocolHandler;
import org.eclipse.jetty.client.transport.HttpClientTransportOverHTTP;
import org.eclipse.jetty.http.HttpCookieStore;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Transport;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/**
 * What does the hub say? One method for each operation of its contract. Every wait is bounded by a silence: what takes
 * long makes the hub send a sign of life every few seconds. All operations may be repeated, so a hub that cannot be
 * reached, or breaks off, is asked again for a while.
 */
public final class HubClient implements AutoCloseable {
    /** The contract lets nobody ask for more connections to a disk. */
    public static final int MOST_WORKERS = 64;

    private static final int LONGEST_ANSWER_BYTES = 256 << 20;
    private static final int THREADS = 6;
    /** What takes long is accompanied by signs of life every five seconds: who has less patience would miss them all. */
    private static final Duration SHORTEST_LONG_SILENCE = Duration.ofSeconds(15);

    private static final Duration LOOK_UP = Duration.ofMillis(200);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(300);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final String JSON = "application/json";

    private final HubAddress address;
    private final @Nullable Secret token;
    private final Limits limits;
    private volatile Listener listener;
    private final HttpClient http;

    /**
     * How long?
     *
     * @param silence the longest time without a sign of life
     * @param retryFor a hub that cannot be reached is asked again for so long
     */
    public record Limits(Duration silence, Duration retryFor) {}

    /** Who wants to know what is waited for? */
    public interface Listener {
        /** Nobody is told anything. */
        Listener NOBODY = new Listener() {
            @Override
            public void waiting(String what, Duration atMost) {}

            @Override
            public void waited(String what) {}

            @Override
            public void retrying(String why) {}
        };

        void waiting(String what, Duration atMost);

        void waited(String what);

        /** It did not work, and is tried again. */
        void retrying(String why);
    }

    /** @param token null where the hub asks for none: behind a unix socket of its own */
    public HubClient(HubAddress address, @Nullable Secret token, Limits limits, Listener listener) {
        this.address = address;
        this.token = token;
        this.limits = limits;
        this.listener = listener;
        http = new HttpClient(new HttpClientTransportOverHTTP(1));
        QueuedThreadPool threads = new QueuedThreadPool(THREADS, 1);
        threads.setName("hub-client");
        threads.setDaemon(true);
        http.setExecutor(threads);
        http.setConnectTimeout(limits.silence().toMillis());
        http.setAddressResolutionTimeout(limits.silence().toMillis());
        http.setHttpCookieStore(new HttpCookieStore.Empty());
        http.setUserAgentField(null);
        start();
        http.getProtocolHandlers().remove(RedirectProtocolHandler.NAME);
        http.getProtocolHandlers().remove(WWWAuthenticationProtocolHandler.NAME);
    }

    private void start() {
        try {
            http.start();
        } catch (Exception e) {
            if (e instanceof InterruptedException || Thread.currentThread().isInterrupted()) {
                throw new HubException.Cancelled("stopped before the hub was asked anything");
            }
            throw new IllegalStateException("the HTTP client cannot be started", e);
        }
    }

    /** From now on this one is told. */
    public void tell(Listener other) {
        listener = other;
    }

    public HubAddress address() {
        return address;
    }

    // ---- the operations of hub/openapi.yaml

    /** How the hub is; needs no token. */
    public JsonObject health() {
        return ask("GET", "/health", null, "the hub's health");
    }

    /** How the hub is now: its clock, its space, what somebody should look after. */
    public JsonObject status() {
        return ask("GET", "/api/v1/status", null, "the hub's status");
    }

    /** Open backups and restore points, and which records cannot be read. */
    public JsonObject list(Optional<String> vm) {
        String path = "/api/v1/backups" + vm.map(id -> "?vm=" + word(id)).orElse("");
        return ask("GET", path, null, "the hub's list of backups");
    }

    public List<JsonObject> backups(Optional<String> vm) {
        return list(list(vm), "backups");
    }

    public Optional<JsonObject> backup(String id) {
        return found(() -> ask("GET", "/api/v1/backups/" + word(id), null, "what the hub knows of backup " + id));
    }

    /** Opens layers; the same id again answers the same. */
    public JsonObject start(JsonObject request) {
        return askLong("POST", "/api/v1/backups", request, "the hub to open layers");
    }

    public void heartbeat(String id, JsonObject progress) {
        JsonObject body = new JsonObject();
        body.add("progress", progress);
        once(
                "POST",
                "/api/v1/backups/" + word(id) + "/heartbeat",
                body,
                "the hub's answer to a heartbeat",
                limits.silence());
    }

    /** Tells the hub that nobody writes the backup any more; whoever goes on with it starts it again. */
    public void letGo(String id, Duration silence) {
        once("DELETE", "/api/v1/backups/" + word(id) + "/heartbeat", null, "the hub's answer to our leave", silence);
    }

    /** Gives the hub the hashes of a copy. */
    public void putHashes(String id, int disk, Path file) {
        String what = "the hub to take the hashes of disk " + disk;
        repeated(what, limits.silence(), () -> {
            Request request = request("PUT", hashes(id, disk), limits.silence());
            try {
                request.body(new PathRequestContent("application/octet-stream", file));
            } catch (IOException e) {
                throw new HubException.Unreachable("cannot read " + file + ": " + e.getMessage(), e);
            }
            return answered(what, limits.silence(), request);
        });
    }

    /** Brings the full list of a restore point's disk here. */
    public void getHashes(String id, int disk, Path file) {
        String what = "the hub's hashes of disk " + disk + " of " + id;
        repeated(what, limits.silence(), () -> {
            Request request = request("GET", hashes(id, disk), limits.silence());
            try {
                var _ = awaited(what, limits.silence(), PathResponseListener.write(request, file, true), request);
                return new JsonObject();
            } catch (HubException.NotHub e) {
                // Whoever waits for a file does not hear why there is none; so the hub is asked once more.
                var _ = answered(what, limits.silence(), request("GET", hashes(id, disk), limits.silence()));
                throw e;
            }
        });
    }

    private static String hashes(String id, int disk) {
        return "/api/v1/backups/" + word(id) + "/disks/" + disk + "/hashes";
    }

    /** Lets a restore point be read; the same reading again goes on for as long again. */
    public JsonObject read(String id, String reading, JsonObject request) {
        return askLong("PUT", reading(id, reading), request, "the hub to serve restore point " + id);
    }

    public void endReading(String id, String reading) {
        askLong("DELETE", reading(id, reading), null, "the hub to end a reading");
    }

    private static String reading(String id, String reading) {
        return "/api/v1/backups/" + word(id) + "/readings/" + word(reading);
    }

    /** Makes a restore point of it; comes back when that is durable. */
    public JsonObject seal(String id, JsonObject request) {
        return askLong(
                "POST", "/api/v1/backups/" + word(id) + "/seal", request, "the hub to prove and seal backup " + id);
    }

    public void abandon(String id) {
        askLong(
                "POST",
                "/api/v1/backups/" + word(id) + "/abandon",
                null,
                "the hub to remove the layers of backup " + id);
    }

    public void delete(String id, boolean merge) {
        askLong(
                "DELETE",
                "/api/v1/backups/" + word(id) + (merge ? "?merge=true" : ""),
                null,
                "the hub to delete backup " + id);
    }

    public List<JsonObject> vms() {
        return list(ask("GET", "/api/v1/vms", null, "the hub's list of VMs"), "vms");
    }

    public Optional<JsonObject> vm(String id) {
        return found(() -> ask("GET", "/api/v1/vms/" + word(id), null, "what the hub knows of VM " + id));
    }

    public void putVm(String id, JsonObject inventory) {
        ask("PUT", "/api/v1/vms/" + word(id), inventory, "the hub to keep the VM's inventory");
    }

    public JsonObject chain(String vm) {
        return ask("GET", "/api/v1/vms/" + word(vm) + "/chain", null, "the hub's chains of VM " + vm);
    }

    /** What a policy keeps of a VM's restore points; with apply the others are removed. */
    public JsonObject prune(String vm, JsonObject keep, boolean apply) {
        JsonObject body = new JsonObject();
        body.add("keep", keep);
        body.addProperty("apply", apply);
        return askLong(
                "POST", "/api/v1/vms/" + word(vm) + "/prune", body, "the hub to prune the restore points of VM " + vm);
    }

    /** Looks whether what is kept of a VM is still what it was; comes back when all was looked at. */
    public JsonObject verify(String vm, JsonObject request) {
        return askLong("POST", "/api/v1/vms/" + word(vm) + "/verify", request, "the hub to verify what it keeps");
    }

    // ---- jobs

    /** Has a VM backed up by an agent; the job of it that there is already, or a new one. */
    public JsonObject wish(JsonObject wish) {
        return askLong("POST", "/api/v1/backups", wish, "the hub to queue a backup");
    }

    public List<JsonObject> jobs(boolean ended) {
        return list(ask("GET", "/api/v1/jobs?ended=" + ended, null, "the hub's list of jobs"), "jobs");
    }

    public Optional<JsonObject> job(String id) {
        return found(() -> ask("GET", "/api/v1/jobs/" + word(id), null, "what the hub knows of job " + id));
    }

    /** What the process of a job says this moment. */
    public JsonObject liveJob(String id) {
        return askLong("GET", "/api/v1/jobs/" + word(id) + "/live", null, "the hub to ask job " + id);
    }

    public JsonObject cancel(String id) {
        return askLong("DELETE", "/api/v1/jobs/" + word(id), null, "the hub to cancel job " + id);
    }

    public List<JsonObject> agents() {
        return list(ask("GET", "/api/v1/agents", null, "the hub's list of agents"), "agents");
    }

    /** An agent says what it does, and hears what it is to do; the hub takes its time for that, if there is nothing. */
    public JsonObject poll(String agent, JsonObject question) {
        return once(
                "POST",
                "/api/v1/agents/" + word(agent) + "/poll",
                question,
                "the hub to say what there is to do",
                limits.silence().compareTo(SHORTEST_LONG_SILENCE) < 0 ? SHORTEST_LONG_SILENCE : limits.silence());
    }

    /** All VMs that an agent sees. */
    public void putSightings(String agent, JsonObject sightings) {
        ask("PUT", "/api/v1/agents/" + word(agent) + "/vms", sightings, "the hub to note which VMs are seen");
    }

    /** Has agents look which VMs there are; {@code *} means all of them. */
    public void discover(String agent) {
        askLong(
                "POST",
                "/api/v1/agents/" + (agent.equals("*") ? "*" : word(agent)) + "/discover",
                null,
                "the hub to ask for a look at the VMs");
    }

    public List<JsonObject> schedules() {
        return list(ask("GET", "/api/v1/schedules", null, "the hub's schedules"), "schedules");
    }

    public JsonObject putSchedule(String name, JsonObject schedule) {
        return ask("PUT", "/api/v1/schedules/" + word(name), schedule, "the hub to set schedule " + name);
    }

    public void deleteSchedule(String name) {
        askLong("DELETE", "/api/v1/schedules/" + word(name), null, "the hub to remove schedule " + name);
    }

    /** The hubs that share the queue. */
    public List<JsonObject> places() {
        return list(ask("GET", "/api/v1/places", null, "the hubs that share the queue"), "places");
    }

    /** From now on a VM's restore points go to this hub. */
    public void move(String vm, String to) {
        JsonObject place = new JsonObject();
        place.addProperty("hub", to);
        ask("PUT", "/api/v1/vms/" + word(vm) + "/place", place, "the hub to have " + vm + " kept elsewhere");
    }

    public JsonObject limits() {
        return ask("GET", "/api/v1/limits", null, "the hub's limits");
    }

    public JsonObject putLimits(JsonObject wanted) {
        return ask("PUT", "/api/v1/limits", wanted, "the hub to set limits");
    }

    /** Listens to what happens in the hub, until that is closed. */
    public HubEvents events(BiConsumer<String, JsonObject> events) {
        return new HubEvents(
                request("GET", "/api/v1/events", SHORTEST_LONG_SILENCE), SHORTEST_LONG_SILENCE.toMillis(), events);
    }

    // ---- how

    private static String word(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static Optional<JsonObject> found(Supplier<JsonObject> asked) {
        try {
            return Optional.of(asked.get());
        } catch (HubException.Refused e) {
            if (e.status() == 404) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private List<JsonObject> list(JsonObject answer, String name) {
        if (!(answer.get(name) instanceof JsonArray array)) {
            throw notHub("its answer has no list '" + name + "'");
        }
        return array.asList().stream().map(JsonElement::getAsJsonObject).toList();
    }

    private JsonObject ask(String method, String path, @Nullable JsonObject body, String what) {
        return repeated(what, limits.silence(), () -> once(method, path, body, what, limits.silence()));
    }

    private JsonObject askLong(String method, String path, @Nullable JsonObject body, String what) {
        Duration silence =
                limits.silence().compareTo(SHORTEST_LONG_SILENCE) < 0 ? SHORTEST_LONG_SILENCE : limits.silence();
        return repeated(what, silence, () -> once(method, path, body, what, silence));
    }

    private JsonObject once(String method, String path, @Nullable JsonObject body, String what, Duration silence) {
        Request request = request(method, path, silence);
        if (body != null) {
            request.body(new StringRequestContent(JSON, body.toString(), StandardCharsets.UTF_8));
        }
        return answered(what, silence, request);
    }

    private Request request(String method, String path, Duration silence) {
        Request request = http.newRequest(address.base() + path)
                .method(method)
                .idleTimeout(silence.toMillis(), TimeUnit.MILLISECONDS);
        address.socket().ifPresent(socket -> request.transport(new Transport.TCPUnix(socket)));
        if (token != null) {
            String bearer = new String(token.reveal());
            request.headers(headers -> headers.put(HttpHeader.AUTHORIZATION, "Bearer " + bearer));
        }
        return request;
    }

    /** Tries again what may work a little later; the last failure is the one that counts. */
    private JsonObject repeated(String what, Duration silence, Supplier<JsonObject> attempt) {
        Deadline end = Deadline.in(limits.retryFor());
        Duration pause = FIRST_PAUSE;
        listener.waiting(what + ", or for a sign of life", silence);
        try {
            while (true) {
                try {
                    return attempt.get();
                } catch (HubException e) {
                    if (!mayPass(e) || end.atMost(pause).compareTo(pause) < 0) {
                        throw e;
                    }
                    listener.retrying(e.getMessage());
                }
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException.Cancelled("stopped while waiting for " + what);
        } finally {
            listener.waited(what + ", or for a sign of life");
        }
    }

    private static boolean mayPass(HubException failure) {
        return failure instanceof HubException.Unreachable
                || failure instanceof HubException.NoAnswer
                || (failure instanceof HubException.Refused refused
                        && refused.word().equals("busy"));
    }

    private JsonObject answered(String what, Duration silence, Request request) {
        ContentResponse response =
                awaited(what, silence, new CompletableResponseListener(request, LONGEST_ANSWER_BYTES).send(), request);
        String text = response.getContentAsString();
        if (response.getStatus() >= 400) {
            throw problem(response.getStatus(), text);
        }
        if (response.getStatus() == 204) {
            return new JsonObject();
        }
        try {
            return JsonFields.parse(text).raw();
        } catch (JsonFields.Unfit e) {
            throw notHub(String.valueOf(e.getMessage()));
        }
    }

    private <T> T awaited(String what, Duration silence, CompletableFuture<T> sent, Request request) {
        while (true) {
            try {
                return sent.get(LOOK_UP.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // The client's own clock ends it: after a silence, not after a time.
            } catch (ExecutionException e) {
                throw failed(what, silence, e.getCause() == null ? e : e.getCause());
            } catch (InterruptedException e) {
                var _ = request.abort(e);
                Thread.currentThread().interrupt();
                throw new HubException.Cancelled("stopped while waiting for " + what);
            }
        }
    }

    private HubException failed(String what, Duration silence, Throwable cause) {
        if (cause instanceof ClosedByInterruptException
                || Thread.currentThread().isInterrupted()) {
            return new HubException.Cancelled("stopped while waiting for " + what);
        }
        if (cause instanceof TimeoutException) {
            return new HubException.NoAnswer(
                    "the hub at " + address + " said nothing for " + Durations.show(silence) + " while we waited for "
                            + what + ": it is frozen, or the way to it is",
                    cause);
        }
        if (cause instanceof HttpResponseException) {
            return notHub("it does not speak HTTP as a hub does");
        }
        if (cause instanceof EOFException) {
            // Its message is the state of a connection, for people who know the library.
            return new HubException.Unreachable(
                    "the hub at " + address + " hung up while we waited for " + what + "; was it stopped?", cause);
        }
        String why = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        return new HubException.Unreachable(
                "the hub at " + address + " cannot be reached (" + why + "); does `migratekit hub serve` run there, and"
                        + " listen at that address?",
                cause);
    }

    private HubException problem(int status, String text) {
        String word;
        String detail;
        try {
            JsonFields problem = JsonFields.parse(text);
            word = problem.string("type").replaceFirst(".*:", "");
            detail = problem.string("detail");
        } catch (JsonFields.Unfit e) {
            return notHub("it answered with status " + status + ", but no problem as a hub tells it");
        }
        String said = "the hub at " + address + ": " + detail;
        if (status == 401 || status == 403) {
            return new HubException.Denied(
                    said + (token == null ? "; give a token of `migratekit hub token add` by --hub-token-file" : ""));
        }
        return new HubException.Refused(status, word, said);
    }

    private HubException.NotHub notHub(String why) {
        return new HubException.NotHub(
                "what answers at " + address + " is no migratekit hub, or one of another version: " + why);
    }

    @Override
    public void close() {
        try {
            http.stop();
        } catch (Exception e) {
            System.getLogger(HubClient.class.getName())
                    .log(System.Logger.Level.DEBUG, "the HTTP client did not end well", e);
        }
    }
}
