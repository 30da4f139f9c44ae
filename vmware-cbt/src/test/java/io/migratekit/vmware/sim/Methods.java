package io.migratekit.vmware.sim;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Which methods are there, and what do those answer that are not about one VM? */
final class Methods {
    private static final MoRef SERVICE = new MoRef("ServiceInstance", "ServiceInstance");
    private static final MoRef SESSIONS = new MoRef("SessionManager", "SessionManager");
    private static final int MOST_TOKENS = 1000;

    private final World world;
    private final Settings settings;
    private final Sessions sessions;
    private final Tasks tasks;
    private final VmMethods vms;
    private final Map<String, List<MoRef>> views = new ConcurrentHashMap<>();
    private final Map<String, List<Node>> tokens = new ConcurrentHashMap<>();
    private final AtomicInteger numbers = new AtomicInteger();

    Methods(World world, Sessions sessions, Tasks tasks, Faults faults) {
        this.world = world;
        this.settings = world.settings();
        this.sessions = sessions;
        this.tasks = tasks;
        this.vms = new VmMethods(world, tasks, faults);
    }

    /** The elements of the answer; cookies that are to be set are added to the list. */
    List<Node> call(Sdk.Call call, List<String> cookies) {
        return switch (call.method()) {
            case "RetrieveServiceContent" -> List.of(serviceContent("returnval"));
            case "Login" -> List.of(login(call, cookies));
            case "Logout" -> {
                sessions.end(call.session());
                yield List.of();
            }
            case "CurrentTime" -> List.of(Node.time("returnval", Instant.now()));
            case "SessionIsActive" ->
                List.of(Node.flag("returnval", sessions.use(call.body().need("sessionID"))));
            case "FindByInventoryPath" -> found(world.atPath(call.body().need("inventoryPath")));
            case "FindByUuid" -> found(byUuid(call));
            case "RetrieveProperties" -> read(call, "returnval");
            case "RetrievePropertiesEx" -> page(read(call, "objects"), maxObjects(call));
            case "ContinueRetrievePropertiesEx" -> {
                List<Node> rest = tokens.remove(call.body().need("token"));
                if (rest == null) {
                    throw SimFault.invalidArgument("token").asException();
                }
                yield page(rest, settings.objectsPerPage());
            }
            case "CancelRetrievePropertiesEx" -> {
                tokens.remove(call.body().need("token"));
                yield List.of();
            }
            case "HasPrivilegeOnEntities" -> privileges(call);
            case "CreateContainerView" -> List.of(createView(call));
            case "DestroyView" -> {
                views.remove(call.self().id());
                yield List.of();
            }
            case "CancelTask" -> {
                Tasks.SimTask task = tasks.find(call.self().id());
                if (task == null) {
                    throw SimFault.gone(call.self()).asException();
                }
                task.cancel();
                yield List.of();
            }
            default -> vms.call(call);
        };
    }

    private List<Node> privileges(Sdk.Call call) {
        if (!call.body().need("sessionId").equals(call.session())) {
            throw SimFault.invalidArgument("sessionId").asException();
        }
        List<Node> answers = new ArrayList<>();
        for (Node entity : call.body().all("entity")) {
            Node answer = Node.object("returnval", "EntityPrivilege", Node.ref("entity", entity.ref()));
            for (Node privilege : call.body().all("privId")) {
                answer.add(Node.object(
                        "privAvailability",
                        "PrivilegeAvailability",
                        Node.text("privId", privilege.text()),
                        Node.flag("isGranted", !world.lacks(privilege.text()))));
            }
            answers.add(answer);
        }
        return answers;
    }

    private static List<Node> found(@Nullable MoRef ref) {
        return ref == null ? List.of() : List.of(Node.ref("returnval", ref));
    }

    private Node serviceContent(String element) {
        return Node.object(
                element,
                "ServiceContent",
                Node.ref("rootFolder", World.ROOT),
                Node.ref("propertyCollector", new MoRef("PropertyCollector", "propertyCollector")),
                Node.ref("viewManager", new MoRef("ViewManager", "ViewManager")),
                Node.object(
                        "about",
                        "AboutInfo",
                        Node.text("name", "VMware vCenter Server"),
                        Node.text("fullName", "Simulated vCenter " + settings.apiVersion()),
                        Node.text("vendor", "VMware, Inc."),
                        Node.text("version", settings.apiVersion()),
                        Node.text("build", "1"),
                        Node.text("osType", "linux-x64"),
                        Node.text("productLineId", "vpx"),
                        Node.text("apiType", "VirtualCenter"),
                        Node.text("apiVersion", settings.apiVersion()),
                        Node.text("instanceUuid", settings.instanceUuid())),
                Node.ref("sessionManager", SESSIONS),
                Node.ref("authorizationManager", new MoRef("AuthorizationManager", "AuthorizationManager")),
                Node.ref("taskManager", new MoRef("TaskManager", "TaskManager")),
                Node.ref("searchIndex", new MoRef("SearchIndex", "SearchIndex")));
    }

    private Node login(Sdk.Call call, List<String> cookies) {
        if (!call.body().need("userName").equals(settings.username())
                || !call.body().need("password").equals(settings.password())) {
            throw new SimFault("InvalidLogin", "Cannot complete login due to an incorrect user name or password.")
                    .asException();
        }
        String id = sessions.open();
        cookies.add(id);
        return sessions.describe("returnval", id, settings.username());
    }

    private @Nullable MoRef byUuid(Sdk.Call call) {
        if (!call.isTrue("vmSearch")) {
            return null;
        }
        String wanted = call.body().need("uuid");
        return world.vms().stream()
                .filter(vm -> wanted.equalsIgnoreCase(
                        call.isTrue("instanceUuid")
                                ? vm.facts().instanceUuid()
                                : vm.facts().uuid()))
                .map(vm -> vm.ref)
                .findFirst()
                .orElse(null);
    }

    private List<Node> read(Sdk.Call call, String element) {
        Optional<SimFault> missing = call.trouble(Trouble.Missing.class).map(Trouble.Missing::fault);
        return new PropertyReader(ref -> properties(ref, call)).read(call.body().all("specSet"), element, missing);
    }

    private @Nullable Node properties(MoRef ref, Sdk.Call call) {
        return switch (ref.type()) {
            case "ServiceInstance" ->
                ref.equals(SERVICE)
                        ? Node.object("ServiceInstance", "ServiceInstance", serviceContent("content"))
                        : null;
            case "SessionManager" -> {
                Node manager = Node.object("SessionManager", "SessionManager");
                yield call.session().isEmpty()
                        ? manager
                        : manager.add(sessions.describe("currentSession", call.session(), settings.username()));
            }
            case "Task" -> {
                Tasks.SimTask task = tasks.find(ref.id());
                yield task == null ? null : task.properties();
            }
            case "ContainerView" -> {
                List<MoRef> view = views.get(ref.id());
                Node node = Node.object("ContainerView", "ContainerView");
                yield view == null
                        ? null
                        : node.add(view.stream().map(r -> Node.ref("view", r)).toList());
            }
            default -> world.properties(ref);
        };
    }

    private Node createView(Sdk.Call call) {
        MoRef container = call.ref("container").orElse(World.ROOT);
        if (world.properties(container) == null) {
            throw SimFault.gone(container).asException();
        }
        List<String> types = call.body().all("type").stream().map(Node::text).toList();
        List<MoRef> seen = (call.isTrue("recursive") ? world.below(container) : world.childrenOf(container, ""))
                .stream()
                        .filter(r -> types.isEmpty() || types.contains(r.type()))
                        .toList();
        MoRef view = new MoRef("ContainerView", "session[sim]view-" + numbers.incrementAndGet());
        if (views.size() >= MOST_TOKENS) {
            throw new SimFault("RuntimeFault", "too many views: clients do not destroy them").asException();
        }
        views.put(view.id(), seen);
        return Node.ref("returnval", view);
    }

    private int maxObjects(Sdk.Call call) {
        int asked = call.body()
                .find("options")
                .flatMap(options -> options.value("maxObjects"))
                .map(Integer::parseInt)
                .orElse(Integer.MAX_VALUE);
        return Math.min(asked, settings.objectsPerPage());
    }

    private List<Node> page(List<Node> objects, int most) {
        if (objects.isEmpty()) {
            return List.of();
        }
        Node result = Node.object("returnval", "RetrieveResult");
        if (objects.size() > most) {
            String token = "token-" + numbers.incrementAndGet();
            if (tokens.size() >= MOST_TOKENS) {
                tokens.clear();
            }
            tokens.put(token, new ArrayList<>(objects.subList(most, objects.size())));
            result.add(Node.text("token", token));
        }
        return List.of(result.add(objects.subList(0, Math.min(most, objects.size()))));
    }
}
