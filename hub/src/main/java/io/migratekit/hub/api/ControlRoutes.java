package io.migratekit.hub.api;

import io.migratekit.hub.Hub;
import io.migratekit.hub.api.Route.Access;
import io.migratekit.hub.api.Route.Way;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.repository.Vm;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** What can be asked of the hub about jobs, and who carries them out? */
final class ControlRoutes {
    private static final int MOST_JOBS = 1000;
    private static final String EVERY_AGENT = "*";

    private final Hub hub;
    private final Supplier<Queue> queue;

    ControlRoutes(Hub hub, Supplier<Queue> queue) {
        this.hub = hub;
        this.queue = queue;
    }

    List<Route> all() {
        return List.of(
                Route.of("GET", "/api/v1/jobs", Access.LOOK, Way.PLAIN, this::list)
                        .asking("vm", "ended"),
                Route.of("GET", "/api/v1/jobs/{job}", Access.LOOK, Way.PLAIN, this::show),
                Route.of("GET", "/api/v1/jobs/{job}/live", Access.LOOK, Way.LONG, this::liveJob),
                Route.of("DELETE", "/api/v1/jobs/{job}", Access.WRITE, Way.LONG, this::cancel),
                Route.of("GET", "/api/v1/agents", Access.LOOK, Way.PLAIN, this::agents),
                Route.of("GET", "/api/v1/agents/{agent}/live", Access.LOOK, Way.LONG, this::live),
                Route.of("POST", "/api/v1/agents/{agent}/poll", Access.WRITE, Way.LONG, this::poll),
                Route.of("PUT", "/api/v1/agents/{agent}/vms", Access.WRITE, Way.JSON, this::saw),
                Route.of("POST", "/api/v1/agents/{agent}/discover", Access.ADMIN, Way.LONG, this::discover),
                Route.of("GET", "/api/v1/schedules", Access.LOOK, Way.PLAIN, this::schedules),
                Route.of("PUT", "/api/v1/schedules/{schedule}", Access.ADMIN, Way.JSON, this::putSchedule),
                Route.of("DELETE", "/api/v1/schedules/{schedule}", Access.ADMIN, Way.LONG, this::deleteSchedule),
                Route.of("GET", "/api/v1/places", Access.LOOK, Way.PLAIN, this::places),
                Route.of("PUT", "/api/v1/vms/{vm}/place", Access.ADMIN, Way.JSON, this::move),
                Route.of("GET", "/api/v1/limits", Access.LOOK, Way.PLAIN, _ -> limits()),
                Route.of("PUT", "/api/v1/limits", Access.ADMIN, Way.JSON, this::putLimits));
    }

    /** A backup that an agent is to make. */
    Reply ask(Call call, Requests.Wish wish) {
        Optional<Known> vm = known(wish.vm());
        call.mustSee(vm.map(Known::id).orElse(wish.vm()));
        if (vm.isEmpty()) {
            throw new Problem(
                    404,
                    "not-found",
                    "no VM is called " + wish.vm()
                            + ", or several are; `migratekit hub vms` shows what agents have found");
        }
        Queue.Asked asked = queue.get()
                .ask(new Queue.Wish(
                        wish.id(),
                        vm.get().id(),
                        vm.get().name(),
                        wish.priority(),
                        wish.whole(),
                        call.token().map(Tokens.Token::name).orElse("the hub's own user"),
                        wish.notBefore(),
                        Optional.empty()));
        return Reply.json(202, Answers.job(queue.get().show(asked.job().id())));
    }

    private record Known(String id, String name) {}

    /** By its id, or by a name that only one has; here, or at a hub that shares the queue. */
    private Optional<Known> known(String wanted) {
        Optional<Vm> byId = hub.repository().vm(wanted);
        if (byId.isPresent()) {
            return byId.map(vm -> new Known(vm.id(), vm.name()));
        }
        List<Vm> byName = hub.repository().vms().stream()
                .filter(vm -> vm.name().equals(wanted))
                .toList();
        return switch (byName.size()) {
            case 0 -> queue.get().sighted(wanted).map(seen -> new Known(seen.vm(), seen.name()));
            case 1 ->
                Optional.of(new Known(byName.getFirst().id(), byName.getFirst().name()));
            default -> Optional.empty();
        };
    }

    private Reply list(Call call) {
        Optional<String> vm = call.query("vm");
        if (vm.isPresent() && !Body.isId(vm.get())) {
            throw Problem.badRequest("'vm' in the query is no id");
        }
        vm.ifPresent(call::mustSee);
        return Reply.json(
                200,
                Answers.list(
                        "jobs",
                        queue.get().list(vm, call.queryTruth("ended"), MOST_JOBS).stream()
                                .filter(seen -> call.maySee(seen.job().vm()))
                                .map(Answers::job)
                                .toList()));
    }

    private Queue.Seen seen(Call call) {
        Queue.Seen seen = queue.get().show(call.id("job"));
        call.mustSee(seen.job().vm());
        return seen;
    }

    private Reply show(Call call) {
        return Reply.json(200, Answers.job(seen(call)));
    }

    private Reply liveJob(Call call) {
        return Reply.json(200, queue.get().desk().liveJob(seen(call).job().id()));
    }

    private Reply live(Call call) {
        mustSeeAll(call);
        return Reply.json(200, queue.get().desk().live(call.id("agent")));
    }

    private Reply cancel(Call call) {
        Body.parseOrEmpty(call.content()).end();
        String id = seen(call).job().id();
        queue.get().cancel(id);
        return Reply.json(200, Answers.job(queue.get().show(id)));
    }

    private Reply agents(Call call) {
        mustSeeAll(call);
        return Reply.json(
                200,
                Answers.list(
                        "agents",
                        queue.get().desk().agents().stream().map(Answers::agent).toList()));
    }

    /** Who speaks for an agent: the administrator, or the agent itself, whose token has its name. */
    private static String agent(Call call) {
        String agent = call.id("agent");
        if (call.token().filter(token -> token.scope() == Tokens.Scope.AGENT).isPresent()
                && !call.token().get().name().equals(agent)) {
            throw new Problem(
                    403,
                    "forbidden",
                    "the token is not this agent's; it has to be an administrator's, or to have the agent's name");
        }
        return agent;
    }

    private Reply poll(Call call) {
        Requests.Poll poll = Requests.poll(agent(call), Body.parse(call.content()));
        poll.question().reports().forEach(report -> call.mustSee(report.vm()));
        try {
            return Reply.json(
                    200, Answers.orders(queue.get().desk().poll(poll.question(), poll.atMost(), call.isGone())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Problem(503, "busy", "the hub is going down");
        }
    }

    private Reply saw(Call call) {
        String agent = agent(call);
        queue.get()
                .desk()
                .saw(
                        agent,
                        Requests.sightings(agent, Body.parse(call.content())).stream()
                                .filter(one -> call.maySee(one.vm()))
                                .toList());
        return Reply.nothing();
    }

    private Reply discover(Call call) {
        Body.parseOrEmpty(call.content()).end();
        String wanted = call.parts().getOrDefault("agent", "");
        queue.get().desk().discover(wanted.equals(EVERY_AGENT) ? Optional.empty() : Optional.of(call.id("agent")));
        return Reply.nothing();
    }

    private Reply schedules(Call call) {
        mustSeeAll(call);
        return Reply.json(
                200,
                Answers.list(
                        "schedules",
                        queue.get().schedules().all().stream()
                                .map(Answers::schedule)
                                .toList()));
    }

    private Reply putSchedule(Call call) {
        return Reply.json(
                200,
                Answers.schedule(queue.get()
                        .schedules()
                        .set(Requests.schedule(call.id("schedule"), Body.parse(call.content())))));
    }

    private Reply deleteSchedule(Call call) {
        Body.parseOrEmpty(call.content()).end();
        queue.get().schedules().unset(call.id("schedule"));
        return Reply.nothing();
    }

    private Reply places(Call call) {
        mustSeeAll(call);
        return Reply.json(
                200,
                Answers.list(
                        "places",
                        queue.get().places().stream()
                                .map(place ->
                                        Answers.place(place, hub.repository().id()))
                                .toList()));
    }

    private Reply move(Call call) {
        Body body = Body.parse(call.content());
        String to = body.id("hub");
        body.end();
        String vm = known(call.id("vm")).map(Known::id).orElse(call.id("vm"));
        queue.get().move(vm, to);
        return Reply.nothing();
    }

    private Reply limits() {
        return Reply.json(200, Answers.limits(queue.get().limits()));
    }

    private Reply putLimits(Call call) {
        queue.get().limit(Requests.limits(Body.parse(call.content())));
        return limits();
    }

    /** What is told of all VMs is not for a token that is for some. */
    private static void mustSeeAll(Call call) {
        if (call.token().filter(token -> token.scope() == Tokens.Scope.AGENT).isPresent()) {
            throw new Problem(403, "forbidden", "this is about all VMs; a token with the scope READ may see it");
        }
    }
}
