package io.migratekit.vmware.sim;

import io.migratekit.nbd.Secret;
import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A vCenter that runs in this JVM: VMs with files as disks, answered for over HTTPS on 127.0.0.1 or another address of this machine.
 *
 * <p>Its folder holds {@code datastores/NAME/VM/VM-flat.vmdk} (write there at any time), {@code certificate.pem}, and
 * what snapshots froze: {@code frozen/SNAPSHOT/DATASTORE/VM/FILE.vmdk}, raw, so that a disk server finds a disk by
 * what vSphere calls it ({@code snapshot-1001}, {@code [ds1] web01/web01.vmdk}). While a file {@code FILE.vmdk.lock...}
 * lies beside it, the snapshot cannot be removed; if that file holds a process id, only while the process lives.
 */
public final class SimulatedVCenter implements AutoCloseable {
    private final Path folder;
    private final Settings settings;
    private final World world;
    private final Faults faults = new Faults();
    private final RequestLog log = new RequestLog();
    private final AtomicInteger connections = new AtomicInteger();
    private final Sessions sessions;
    private Certificate certificate = Certificate.create();
    private Tasks tasks;
    private HttpsListener listener;
    private volatile Sdk sdk;
    private final FolderFiles files;

    private SimulatedVCenter(Path folder, Settings settings) {
        this.folder = folder;
        this.settings = settings;
        world = new World(folder, settings);
        sessions = new Sessions(settings.sessionIdle());
        files = new FolderFiles(world, sessions);
        tasks = new Tasks();
        sdk = newSdk();
        keepCertificate();
        listener = new HttpsListener(settings.address(), settings.port(), certificate, connections, this::answer);
    }

    public static SimulatedVCenter start(Path folder) {
        return start(folder, Settings.DEFAULT);
    }

    public static SimulatedVCenter start(Path folder, Settings settings) {
        SimulatedVCenter started = new SimulatedVCenter(folder, settings);
        started.listener.start();
        return started;
    }

    private Sdk newSdk() {
        return new Sdk(faults, log, sessions, new Methods(world, sessions, tasks, faults), settings.apiVersion());
    }

    private void keepCertificate() {
        try {
            Files.writeString(folder.resolve("certificate.pem"), certificate.pem());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- where it is

    public synchronized Endpoint endpoint() {
        return new Endpoint(settings.address(), listener.port());
    }

    public synchronized Thumbprint sha1() {
        return Thumbprint.sha1(certificate.x509());
    }

    public synchronized Thumbprint sha256() {
        return Thumbprint.sha256(certificate.x509());
    }

    /** The certificate as PEM, for clients that trust an authority. */
    public Path certificateFile() {
        return folder.resolve("certificate.pem");
    }

    public Settings settings() {
        return settings;
    }

    /** How to log in, trusting the SHA-256 of the present certificate. */
    public VCenterSpec spec(VCenterLimits limits) {
        return new VCenterSpec(
                endpoint(),
                settings.username(),
                new Secret(settings.password().toCharArray()),
                new Trust.Pin(sha256()),
                limits);
    }

    // ---- what is in it

    /** A running VM without disks at {@code DC0/vm/NAME} on datastore ds1. */
    public SimVm addVm(String name) {
        return addVm("DC0", "", "ds1", name);
    }

    /** A running VM without disks; datacenter, folder ({@code a/b}) and datastore are made if need be. */
    public SimVm addVm(String datacenter, String vmFolder, String datastore, String name) {
        return world.addVm(datacenter, vmFolder, datastore, name);
    }

    /** What kind of storage it is; VMFS if nothing is said. */
    public SimulatedVCenter datastoreType(String name, String type) {
        world.datastoreType(name, type);
        return this;
    }

    /** What the user may not do, such as {@code VirtualMachine.State.CreateSnapshot}; it is told, not enforced. */
    public SimulatedVCenter lacking(String privilege) {
        world.lack(privilege);
        return this;
    }

    /** What the ESXi host of all VMs is called. */
    public SimulatedVCenter hostName(String name) {
        world.hostName(name);
        return this;
    }

    /** Deletes it from the inventory, while calls may be running. */
    public void removeVm(SimVm vm) {
        world.removeVm(vm);
    }

    public List<SimVm> vms() {
        return world.vms();
    }

    /** The file with what a disk looked like when a snapshot (by reference or name) was taken. */
    public Path frozen(SimVm vm, String snapshot, int diskKey) {
        return vm.frozen(snapshot, diskKey);
    }

    /** The folder below which a disk server finds frozen disks: {@code SNAPSHOT/DATASTORE/VM/FILE.vmdk}. */
    public Path frozenFolder() {
        return world.frozenFolder();
    }

    /** What a snapshot, gone or not, has frozen of a disk. */
    public Path truth(String snapshotMoref, int diskKey) {
        return world.truth(snapshotMoref, diskKey);
    }

    // ---- what goes wrong, and what was asked

    public Faults faults() {
        return faults;
    }

    public RequestLog log() {
        return log;
    }

    /** Connections accepted so far. */
    public int connections() {
        return connections.get();
    }

    public int openSessions() {
        return sessions.count();
    }

    /** How many tasks were really started by a method since the last restart. */
    public synchronized int tasksStarted(String method) {
        return tasks.count(method);
    }

    public void expireSessions() {
        sessions.endAll();
    }

    public void sessionIdle(Duration limit) {
        sessions.idle(limit);
    }

    /** Another key and certificate for all further connections. */
    public void changeCertificate() {
        changeCertificate("localhost", true, Instant.now().plus(Duration.ofDays(30)));
    }

    /** One for another host name, or one that has expired. */
    public synchronized void changeCertificate(String host, boolean loopbackToo, Instant until) {
        certificate = Certificate.create(host, loopbackToo, until);
        keepCertificate();
        listener.certificate(certificate);
    }

    /** Ends every connection now; new ones are welcome. */
    public synchronized void cutConnections() {
        listener.cutConnections();
    }

    /** Down: no port, no sessions, tasks cut off. VMs and snapshots stay. */
    public synchronized void stop() {
        listener.close();
        tasks.close();
        sessions.endAll();
    }

    /** Up again after {@link #stop}, at the same port. */
    public synchronized void startAgain() {
        int port = listener.port();
        tasks = new Tasks();
        sdk = newSdk();
        listener = new HttpsListener(settings.address(), port, certificate, connections, this::answer).start();
    }

    public void restart() {
        stop();
        startAgain();
    }

    @Override
    public void close() {
        stop();
    }

    private Http.Answer answer(Http.Request request) {
        String path = request.path();
        if (request.verb().equals("POST") && (path.equals("/sdk") || path.equals("/sdk/"))) {
            return sdk.answer(request);
        }
        String name = request.verb() + " " + (path.startsWith("/folder") ? "/folder" : path);
        log.add(new RequestLog.Entry(
                name, Instant.now(), request.target(), "", request.header("authorization"), "", request.connection()));
        List<Trouble> troubles = faults.strike(name);
        Http.first(troubles, Trouble.Delay.class).ifPresent(delay -> Sdk.sleep(delay.howLong()));
        Http.Answer answer = Http.first(troubles, Trouble.HttpStatus.class)
                .map(status -> FolderFiles.text(status.code(), status.body()))
                .orElseGet(() -> plain(request, path));
        return answer.with(troubles);
    }

    private Http.Answer plain(Http.Request request, String path) {
        boolean reads = request.verb().equals("GET") || request.verb().equals("HEAD");
        if (reads && (path.equals("/folder") || path.startsWith("/folder/"))) {
            return files.answer(request);
        }
        if (reads && path.equals("/sdk/vimServiceVersions.xml")) {
            return Http.Answer.text(200, "text/xml", versions());
        }
        return FolderFiles.text(404, "nothing here");
    }

    private String versions() {
        return """
                <?xml version="1.0" encoding="UTF-8" ?>
                <namespaces version="1.0">
                 <namespace>
                  <name>urn:vim25</name>
                  <version>%s</version>
                  <priorVersions><version>6.5</version><version>6.0</version><version>5.5</version></priorVersions>
                 </namespace>
                </namespaces>
                """.formatted(settings.apiVersion());
    }
}
