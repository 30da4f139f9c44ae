package io.migratekit.vmware.soap;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.vmware.vim25.AboutInfo;
import com.vmware.vim25.DiskChangeExtent;
import com.vmware.vim25.DiskChangeInfo;
import com.vmware.vim25.EntityPrivilege;
import com.vmware.vim25.ManagedObjectReference;
import com.vmware.vim25.ServiceContent;
import com.vmware.vim25.VimPortType;
import com.vmware.vim25.VirtualMachineConfigSpec;
import com.vmware.vim25.ws.Argument;
import java.net.MalformedURLException;
import java.rmi.RemoteException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What can be asked of a vSphere server? One method for each call that we use. */
public final class Vim implements AutoCloseable {
    private final Session session;
    private final VimPortType port;
    private final ServiceContent content;
    private final Properties properties;

    /**
     * Whom we met.
     *
     * @param instanceUuid empty on an ESXi host alone
     * @param apiType {@code VirtualCenter} or {@code HostAgent}
     */
    public record About(String fullName, String apiType, String apiVersion, String instanceUuid) {}

    /** Some of the changed extents of a disk, from {@code offset}, {@code length} bytes of it. */
    public record ChangePage(long offset, long length, List<ChangedExtent> extents) {}

    /** As the server said it: nothing about it has been checked. */
    public record ChangedExtent(long start, long length) {}

    private Vim(Session session) {
        this.session = session;
        this.port = port(session);
        ServiceContent first;
        try {
            first = call(() -> port.retrieveServiceContent(reference("ServiceInstance", "ServiceInstance")));
        } catch (SoapException.Fault e) {
            if (!e.name().equals("UnsupportedVimApiVersion") && !e.name().equals("VersionMismatch")) {
                throw e;
            }
            session.useOlderVersion();
            first = call(() -> port.retrieveServiceContent(reference("ServiceInstance", "ServiceInstance")));
        }
        if (first == null || first.about == null || first.propertyCollector == null || first.sessionManager == null) {
            throw new SoapException.NotVSphere("the answer says nothing of a vSphere server", null);
        }
        this.content = first;
        this.properties = new Properties(port, content);
    }

    /** Connects and looks who is there; nobody is logged in yet. */
    public static Vim connect(SoapSpec spec) {
        Session session = new Session(spec);
        try {
            return new Vim(session);
        } catch (RuntimeException e) {
            session.close();
            throw e;
        }
    }

    private static VimPortType port(Session session) {
        try {
            return new VimPortType(session);
        } catch (MalformedURLException e) {
            throw new IllegalStateException("the stubs do not look at the address", e);
        }
    }

    /** The certificate that the server has shown, and that was believed. */
    public Optional<X509Certificate> certificate() {
        return session.certificate();
    }

    public About about() {
        AboutInfo about = content.about;
        return new About(text(about.fullName), text(about.apiType), text(about.apiVersion), text(about.instanceUuid));
    }

    /** Logs in, and again whenever the server has forgotten us. */
    public void login(String user, Supplier<char[]> password) {
        session.login(() -> {
            char[] secret = password.get();
            try {
                session.invoke(
                        "Login",
                        new Argument[] {
                            new Argument("_this", "ManagedObjectReference", content.sessionManager),
                            new Argument("userName", "String", user),
                            new Argument("password", "String", secret)
                        },
                        "UserSession");
            } finally {
                Arrays.fill(secret, '\0');
            }
        });
    }

    public void logout() {
        session.forgetLogin();
        run(() -> port.logout(content.sessionManager));
    }

    public Instant currentTime() {
        var time = call(() -> port.currentTime(reference("ServiceInstance", "ServiceInstance")));
        return time == null ? Instant.EPOCH : time.toInstant();
    }

    /** For how long nothing was asked. */
    public long idleNanos() {
        return session.idleNanos();
    }

    /** The session as an HTTP cookie, for others that may use it. */
    public Optional<String> cookie() {
        return session.cookie();
    }

    public Optional<MoRef> findByPath(String path) {
        return found(call(() -> port.findByInventoryPath(searchIndex(), path)));
    }

    /**
     * The VM with this UUID.
     *
     * @param instance whether it is the instance UUID, else the BIOS's
     */
    public Optional<MoRef> findByUuid(String uuid, boolean instance) {
        return found(call(() -> port.findByUuid(searchIndex(), null, uuid, true, instance)));
    }

    /** What an object says of itself; the required has to come, the optional may be unknown or hidden. */
    public Facts properties(MoRef object, Collection<String> required, Collection<String> optional) {
        return properties.of(object, required, optional);
    }

    /** All objects of these types in the whole inventory, with those properties that they have. */
    public List<Facts> all(Collection<String> types, Collection<String> paths) {
        return properties.all(types, paths);
    }

    /** The object and what it lies in, up to the root: names, for a path. */
    public List<Facts> ancestors(MoRef object) {
        return properties.ancestors(object);
    }

    /**
     * Which of these privileges our session lacks on the object; nothing if the server cannot be asked that, or does not
     * say who we are.
     */
    public Optional<List<String>> lacking(MoRef object, Collection<String> privileges) {
        if (content.authorizationManager == null) {
            return Optional.empty();
        }
        JsonElement session = properties(MoRef.of(content.sessionManager), Set.of(), Set.of("currentSession"))
                .get("currentSession");
        if (!(session instanceof JsonObject own) || own.get("key") == null) {
            return Optional.empty();
        }
        EntityPrivilege[] answer = call(() -> port.hasPrivilegeOnEntities(
                content.authorizationManager,
                new ManagedObjectReference[] {reference(object)},
                own.get("key").getAsString(),
                privileges.toArray(String[]::new)));
        return Optional.ofNullable(answer)
                .map(all -> Arrays.stream(all)
                        .flatMap(one -> Arrays.stream(one.privAvailability))
                        .filter(one -> !one.isGranted)
                        .map(one -> one.privId)
                        .toList());
    }

    /** Starts to switch change tracking on or off; the task. */
    public MoRef reconfigureChangeTracking(MoRef vm, boolean on) {
        VirtualMachineConfigSpec wanted = new VirtualMachineConfigSpec();
        wanted.changeTrackingEnabled = on;
        return task(call(() -> port.reconfigVM_Task(reference(vm), wanted)));
    }

    /** Starts to take a snapshot without memory; the task. */
    public MoRef createSnapshot(MoRef vm, String name, String description, boolean quiesce) {
        return task(call(() -> port.createSnapshot_Task(reference(vm), name, description, false, quiesce)));
    }

    /** Changes a snapshot's description. */
    public void describeSnapshot(MoRef snapshot, String description) {
        run(() -> port.renameSnapshot(reference(snapshot), null, description));
    }

    /** Starts to remove this one snapshot, not its children, and to merge its data; the task. */
    public MoRef removeSnapshot(MoRef snapshot) {
        return task(call(() -> port.removeSnapshot_Task(reference(snapshot), false, true)));
    }

    /** Starts to merge what earlier removals left; the task. */
    public MoRef consolidate(MoRef vm) {
        return task(call(() -> port.consolidateVMDisks_Task(reference(vm))));
    }

    /** What changed from {@code offset} on; as far as one answer goes. */
    public ChangePage changedAreas(MoRef vm, MoRef snapshot, int diskKey, long offset, String changeId) {
        DiskChangeInfo info =
                call(() -> port.queryChangedDiskAreas(reference(vm), reference(snapshot), diskKey, offset, changeId));
        if (info == null) {
            throw new SoapException.NotVSphere("the answer to QueryChangedDiskAreas is empty", null);
        }
        DiskChangeExtent[] areas = info.changedArea == null ? new DiskChangeExtent[0] : info.changedArea;
        return new ChangePage(
                info.startOffset,
                info.length,
                Arrays.stream(areas)
                        .map(area -> new ChangedExtent(area.start, area.length))
                        .toList());
    }

    /** How a task is, and what it gave. */
    public TaskState taskState(MoRef task) {
        Facts facts = properties(
                task, Set.of("info.state"), Set.of("info.error", "info.result", "info.progress", "info.descriptionId"));
        return TaskState.of(facts);
    }

    @Override
    public void close() {
        session.forgetLogin();
        session.close();
    }

    static ManagedObjectReference reference(MoRef of) {
        return reference(of.type(), of.id());
    }

    private static ManagedObjectReference reference(String type, String id) {
        ManagedObjectReference reference = new ManagedObjectReference();
        reference.setType(type);
        reference.val = id;
        return reference;
    }

    private ManagedObjectReference searchIndex() {
        if (content.searchIndex == null) {
            throw new SoapException.NotVSphere("the server has no search index", null);
        }
        return content.searchIndex;
    }

    private static Optional<MoRef> found(@Nullable ManagedObjectReference reference) {
        return Optional.ofNullable(reference).map(MoRef::of);
    }

    private static MoRef task(@Nullable ManagedObjectReference reference) {
        if (reference == null) {
            throw new SoapException.NotVSphere("the answer to the call names no task", null);
        }
        return MoRef.of(reference);
    }

    /** Runs a stub: what it declares to throw, our session never throws. */
    static <T> T call(Callable<T> stub) {
        try {
            return stub.call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("the stubs threw what nobody gave them", e);
        }
    }

    private interface Act {
        void run() throws RemoteException;
    }

    private static void run(Act act) {
        var _ = call(() -> {
            act.run();
            return "";
        });
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }

    /** A fault in the JSON of a task or a list of events. */
    static SoapException.Fault fault(@Nullable JsonElement localized) {
        JsonObject object = localized instanceof JsonObject given ? given : new JsonObject();
        JsonObject fault = object.get("fault") instanceof JsonObject inner ? inner : new JsonObject();
        String words = object.get("localizedMessage") == null
                ? ""
                : object.get("localizedMessage").getAsString();
        String name = fault.get(Json.TYPE) == null ? "" : fault.get(Json.TYPE).getAsString();
        return new SoapException.Fault(
                name.isEmpty() ? "unnamed fault" : name, words.isBlank() ? name : words.strip(), fault);
    }
}
