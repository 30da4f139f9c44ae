package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.hub.Alarm;
import io.migratekit.hub.Events;
import io.migratekit.hub.Hub;
import io.migratekit.hub.api.Route.Access;
import io.migratekit.hub.api.Route.Way;
import io.migratekit.hub.control.ControlException;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.Vm;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What can be asked of the hub? Every operation of hub/openapi.yaml, and nothing else: a test compares the two. */
final class Routes {
    private static final String OCTETS = "application/octet-stream";
    /** More than any file of hashes takes, which are 16 bytes for each piece of a disk. */
    private static final long HASHES_SHARE = 64;

    private static final long HASHES_ALWAYS_FIT = 1 << 20;

    private final Hub hub;
    private final String version;
    /** Read once: asking for our health must not wait for a disk. */
    private final String repositoryId;

    private final LazyQueue queue;
    private final ControlRoutes control;

    Routes(Hub hub, LazyQueue queue, String version) {
        this.hub = hub;
        this.queue = queue;
        this.control = new ControlRoutes(hub, queue);
        this.version = version;
        this.repositoryId = hub.repository().id();
    }

    List<Route> all() {
        return Stream.of(Page.routes(), api(), control.all())
                .flatMap(List::stream)
                .toList();
    }

    private List<Route> api() {
        return List.of(
                Route.of("GET", "/health", Access.OPEN, Way.PLAIN, _ -> health()),
                Route.of("GET", "/api/v1/status", Access.LOOK, Way.PLAIN, this::status),
                Route.of("GET", "/metrics", Access.LOOK, Way.PLAIN, this::metrics),
                Route.of("GET", "/api/v1/backups", Access.LOOK, Way.PLAIN, this::list)
                        .asking("vm"),
                Route.of("POST", "/api/v1/backups", Access.WRITE, Way.LONG, this::start),
                Route.of("GET", "/api/v1/backups/{id}", Access.LOOK, Way.PLAIN, this::show),
                Route.of("DELETE", "/api/v1/backups/{id}", Access.ADMIN, Way.LONG, this::delete)
                        .asking("merge"),
                Route.of("POST", "/api/v1/backups/{id}/heartbeat", Access.WRITE, Way.JSON, this::heartbeat),
                Route.of("DELETE", "/api/v1/backups/{id}/heartbeat", Access.WRITE, Way.LONG, this::letGo),
                Route.of("PUT", "/api/v1/backups/{id}/disks/{disk}/hashes", Access.WRITE, Way.STREAM, this::putHashes)
                        .taking(OCTETS),
                Route.of("GET", "/api/v1/backups/{id}/disks/{disk}/hashes", Access.LOOK, Way.STREAM, this::getHashes),
                Route.of("GET", "/api/v1/backups/{id}/disks/{disk}/map", Access.LOOK, Way.LONG, this::map),
                Route.of("PUT", "/api/v1/backups/{id}/readings/{reading}", Access.WRITE, Way.LONG, this::read),
                Route.of("DELETE", "/api/v1/backups/{id}/readings/{reading}", Access.WRITE, Way.LONG, this::endReading),
                Route.of("POST", "/api/v1/backups/{id}/seal", Access.WRITE, Way.LONG, this::seal),
                Route.of("POST", "/api/v1/backups/{id}/abandon", Access.WRITE, Way.LONG, this::abandon),
                Route.of("GET", "/api/v1/vms", Access.LOOK, Way.PLAIN, this::vms),
                Route.of("GET", "/api/v1/vms/{vm}", Access.LOOK, Way.PLAIN, this::vm),
                Route.of("PUT", "/api/v1/vms/{vm}", Access.WRITE, Way.JSON, this::putVm),
                Route.of("GET", "/api/v1/vms/{vm}/chain", Access.LOOK, Way.PLAIN, this::chain),
                Route.of("POST", "/api/v1/vms/{vm}/prune", Access.ADMIN, Way.LONG, this::prune),
                Route.of("POST", "/api/v1/vms/{vm}/verify", Access.WRITE, Way.LONG, this::verify),
                Route.of("GET", "/api/v1/events", Access.LOOK, Way.STREAM, this::events));
    }

    private Reply health() {
        JsonObject health = new JsonObject();
        health.addProperty("status", "ok");
        health.addProperty("repository", repositoryId);
        health.addProperty("version", version);
        return Reply.json(200, health);
    }

    private Reply status(Call call) {
        JsonObject status = new JsonObject();
        status.addProperty("now", Instant.now().toString());
        status.addProperty("version", version);
        status.addProperty("repository", repositoryId);
        status.addProperty("changes", hub.events().changes());
        status.addProperty("freeBytes", hub.repository().freeBytes());
        status.addProperty("totalBytes", hub.repository().totalBytes());
        hub.alarms().lastSpaceLeft().ifPresent(left -> status.addProperty("spaceSeconds", left.toSeconds()));
        status.add(
                "alarms",
                Answers.texts(hub.alarms().ofTheHub().stream().map(Alarm::words).toList()));
        JsonArray open = new JsonArray();
        hub.open().stream()
                .filter(seen -> call.maySee(seen.backup().vm()))
                .map(Answers::brief)
                .forEach(open::add);
        status.add("open", open);
        status.addProperty("mayWrite", call.mayBe(Route.Access.WRITE));
        hub.exports().ports().ifPresent(ports -> status.addProperty("ports", ports.toString()));
        hub.exports().hindrance().ifPresent(why -> status.addProperty("cannotServe", why));
        return Reply.json(200, status);
    }

    private Reply map(Call call) {
        int disk = call.disk();
        return Reply.json(
                200, Answers.map(hub.repository().map(seen(call).backup().id(), disk)));
    }

    private Reply metrics(Call call) {
        if (call.token().isPresent() && call.token().get().scope() == Tokens.Scope.AGENT) {
            throw new Problem(403, "forbidden", "the numbers are of all VMs; a token with the scope READ may see them");
        }
        return Reply.text("text/plain; version=0.0.4; charset=utf-8", hub.metrics());
    }

    private Reply list(Call call) {
        Optional<String> vm = call.query("vm");
        if (vm.isPresent() && !Body.isId(vm.get())) {
            throw Problem.badRequest("'vm' in the query is no id");
        }
        vm.ifPresent(call::mustSee);
        return Reply.json(
                200,
                Answers.backups(
                        hub.backups(vm).stream()
                                .filter(seen -> call.maySee(seen.backup().vm()))
                                .map(Answers::backup)
                                .toList(),
                        hub.repository().unreadable(vm).stream()
                                .filter(record -> call.maySee(record.vm()))
                                .toList()));
    }

    private Reply start(Call call) {
        Body body = Body.parse(call.content());
        if (Requests.isWish(body)) {
            return control.ask(call, Requests.wish(body));
        }
        Requests.Start start = Requests.start(body);
        call.mustSee(start.request().vm());
        // An id that is another VM's: who may not see that VM is not told of which it is.
        hub.find(start.request().id())
                .ifPresent(known -> call.mustSee(known.backup().vm()));
        mustNotBeGivenUp(start.request().id());
        Hub.Started started = hub.start(start.request(), start.workers(), start.lease());
        return Reply.json(started.created() ? 201 : 200, Answers.backup(started.seen()));
    }

    private void mustNotBeGivenUp(String id) {
        boolean isGivenUp;
        try {
            isGivenUp = queue.isGivenUp(id);
        } catch (ControlException.Unavailable e) {
            // Not known now is not for ever: whoever asks is to try again.
            throw new Problem(503, "busy", String.valueOf(e.getMessage()));
        }
        if (isGivenUp) {
            throw new Problem(
                    409,
                    "given-up",
                    "backup " + id
                            + " was given up: its job was cancelled, or its agent was silent for so long that another job"
                            + " took its place. What it had written is gone; begin another one under another id");
        }
    }

    /** The backup in the path, if the token may see it. */
    private Hub.Seen seen(Call call) {
        Hub.Seen seen = hub.show(call.id("id"));
        call.mustSee(seen.backup().vm());
        return seen;
    }

    private Reply show(Call call) {
        return Reply.json(200, Answers.details(seen(call)));
    }

    private Reply read(Call call) {
        String reading = call.id("reading");
        Requests.Read wanted = Requests.read(Body.parseOrEmpty(call.content()));
        String id = seen(call).backup().id();
        return Reply.json(
                200, Answers.reading(hub.read(reading, id, wanted.disks(), wanted.workers(), wanted.lease())));
    }

    private Reply endReading(Call call) {
        String reading = call.id("reading");
        hub.endReading(reading, seen(call).backup().id());
        return Reply.nothing();
    }

    private Reply delete(Call call) {
        String id = call.id("id");
        call.mustSee(hub.vmOf(id));
        hub.delete(id, call.queryTruth("merge"));
        return Reply.nothing();
    }

    private Reply heartbeat(Call call) {
        Optional<JsonObject> progress = Requests.progress(Body.parseOrEmpty(call.content()));
        JsonObject answer = new JsonObject();
        String id = seen(call).backup().id();
        answer.addProperty("leaseUntil", hub.heartbeat(id, progress).toString());
        return Reply.json(200, answer);
    }

    private Reply letGo(Call call) {
        hub.letGo(seen(call).backup().id());
        return Reply.nothing();
    }

    private Reply putHashes(Call call) throws IOException {
        int disk = call.disk();
        Backup backup = seen(call).backup();
        long capacityBytes = backup.disks().stream()
                .filter(one -> one.key() == disk)
                .mapToLong(BackupDisk::capacityBytes)
                .sum();
        try (InputStream in = call.content(HASHES_ALWAYS_FIT + capacityBytes / HASHES_SHARE)) {
            hub.repository().putHashes(backup.id(), disk, in);
        }
        return Reply.nothing();
    }

    private Reply getHashes(Call call) throws IOException {
        int disk = call.disk();
        String id = seen(call).backup().id();
        // Nothing is sent before the first byte is there, so that a problem has its own status.
        OutputStream out = call.begin(OCTETS);
        hub.repository().writeHashes(id, disk, out);
        out.close(); // Only now: to close it is to say that this was all.
        return Reply.written();
    }

    private Reply seal(Call call) {
        String id = call.id("id");
        SealRequest seal = Requests.seal(Body.parse(call.content()));
        seen(call);
        return Reply.json(200, Answers.backup(hub.seal(id, seal)));
    }

    private Reply abandon(Call call) {
        Body.parseOrEmpty(call.content()).end();
        String id = call.id("id");
        Optional<Hub.Seen> known = hub.find(id);
        known.ifPresent(seen -> call.mustSee(seen.backup().vm()));
        if (known.isPresent()) {
            hub.abandon(id);
        }
        return Reply.nothing();
    }

    private Reply vms(Call call) {
        List<Vm> vms = hub.repository().vms();
        List<Alarm> alarms = hub.alarms().of(vms);
        return Reply.json(
                200,
                Answers.list(
                        "vms",
                        vms.stream()
                                .filter(vm -> call.maySee(vm.id()))
                                .map(vm -> Answers.vm(vm, alarms))
                                .toList()));
    }

    private Reply vm(Call call) {
        String vm = call.id("vm");
        call.mustSee(vm);
        Vm found = hub.repository().requireVm(vm);
        return Reply.json(200, Answers.vm(found, hub.alarms().of(List.of(found))));
    }

    private Reply putVm(Call call) {
        String vm = call.id("vm");
        call.mustSee(vm);
        return Reply.json(200, Answers.vm(hub.repository().putVm(vm, Requests.inventory(Body.parse(call.content())))));
    }

    private Reply chain(Call call) {
        String vm = call.id("vm");
        call.mustSee(vm);
        return Reply.json(200, Answers.chain(hub.repository().chain(vm)));
    }

    private Reply prune(Call call) {
        String vm = call.id("vm");
        Requests.Prune prune = Requests.prune(Body.parse(call.content()));
        call.mustSee(vm);
        return Reply.json(200, Answers.pruned(hub.prune(vm, prune.policy(), prune.apply())));
    }

    private Reply verify(Call call) {
        String vm = call.id("vm");
        call.mustSee(vm);
        Requests.Verify wanted = Requests.verify(Body.parseOrEmpty(call.content()));
        Optional<Backup> point = wanted.backup()
                .map(id -> hub.show(id).backup())
                .filter(one -> one.vm().equals(vm));
        if (wanted.backup().isPresent() && point.isEmpty()) {
            throw Problem.badRequest("'backup' is none of this VM's");
        }
        Vm _ = hub.repository().requireVm(vm);
        return Reply.json(
                200,
                Answers.verified(hub.verifying()
                        .asked(vm, wanted.backup(), wanted.olderThan(), wanted.bytesPerSecond(), call.isGone())));
    }

    private Reply events(Call call) throws IOException {
        Events.Listener listener = hub.events().listen();
        if (listener == null) {
            throw new Problem(503, "busy", "too many listen to the events already");
        }
        try (listener;
                OutputStream out = call.begin("text/event-stream")) {
            EventStream.write(listener, call, out);
        }
        return Reply.written();
    }
}
