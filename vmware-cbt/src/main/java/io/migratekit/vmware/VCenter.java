package io.migratekit.vmware;

import static java.lang.System.Logger.Level.DEBUG;

import io.migratekit.vmware.soap.Facts;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.SoapLimits;
import io.migratekit.vmware.soap.SoapSpec;
import io.migratekit.vmware.soap.Vim;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A session at a vCenter or an ESXi host: who is there, which VMs are there, and what are they? */
public final class VCenter implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(VCenter.class.getName());

    /** How long saying goodbye may take, in the order of a command's end. */
    private static final Duration GOODBYE = Duration.ofSeconds(5);

    private final VCenterSpec spec;
    private final VCenterListener listener;
    private final Vim vim;
    private final Failures failures;
    private final Inventory inventory;
    private final Tasks tasks;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final String instanceUuid;

    private VCenter(VCenterSpec spec, VCenterListener listener, Vim vim) {
        this.spec = spec;
        this.listener = listener;
        this.vim = vim;
        this.failures = new Failures(spec);
        this.inventory = new Inventory(this);
        this.tasks = new Tasks(this);
        vim.login(spec.username(), () -> spec.password().reveal());
        this.instanceUuid = vim.about().instanceUuid().isEmpty()
                ? inventory.hostUuid()
                : vim.about().instanceUuid();
        Thread.ofPlatform().daemon().name("vcenter-keepalive").start(this::stayLoggedIn);
    }

    /** Connects, looks whom we met, and logs in. */
    public static VCenter login(VCenterSpec spec, VCenterListener listener) {
        VCenterLimits limits = spec.limits();
        SoapSpec soap = new SoapSpec(
                spec.endpoint().sdk(),
                Tls.context(spec.trust(), spec.endpoint()),
                spec.apiVersion(),
                SoapLimits.of(limits.connect(), limits.call(), limits.retryFor()),
                new Waits(listener));
        return new Failures(spec).of("logging in to " + spec.endpoint(), () -> {
            Vim vim = Vim.connect(soap);
            try {
                return new VCenter(spec, listener, vim);
            } catch (RuntimeException e) {
                vim.close();
                throw e;
            }
        });
    }

    /** What the fence waits for is what we wait for. */
    private record Waits(VCenterListener listener) implements SoapSpec.Waits {
        @Override
        public void waiting(String what, Duration atMost) {
            listener.waiting(what, atMost);
        }

        @Override
        public void waited(String what) {
            listener.waited(what);
        }
    }

    public VCenterSpec spec() {
        return spec;
    }

    /** What it calls itself, such as {@code VMware vCenter Server 8.0.3 build-24022515}. */
    public String product() {
        return vim.about().fullName();
    }

    /** Whether it is an ESXi host alone, without a vCenter. */
    public boolean isHostAlone() {
        return vim.about().apiType().equals("HostAgent");
    }

    /** Its own id, which stays the same for its life; of an ESXi host alone the hardware's. */
    public String instanceUuid() {
        return instanceUuid;
    }

    /** The one VM with this inventory path, instance UUID, BIOS UUID, reference or name. */
    public VmRef find(String pathOrUuidOrName) {
        return asked("looking for the VM " + pathOrUuidOrName, _ -> inventory.find(pathOrUuidOrName));
    }

    /** SHA-1 of the certificate that it has shown us, and that we believe. */
    public Thumbprint thumbprint() {
        return Thumbprint.sha1(certificate());
    }

    public List<VmSummary> list() {
        return asked("listing the VMs of " + spec.endpoint(), _ -> inventory.list());
    }

    /** What the VM is now. */
    public VmConfiguration configuration(VmRef vm) {
        return asked("reading the configuration of " + vm, _ -> VmConfiguration.read(vim, vm));
    }

    /**
     * Lets changes of this VM's disks be tracked from the next snapshot on, or says why not.
     *
     * @return what was done, in sentences
     */
    public ChangeTracking enableChangeTracking(VmRef vm) {
        return ChangeTracking.enable(this, vm);
    }

    /** Uses the session, so that it does not expire. A thread of its own does it, too, until the session is closed. */
    public void keepAlive() {
        var _ = asked("keeping the session at " + spec.endpoint() + " alive", Vim::currentTime);
    }

    /** What its clock says now. */
    public Instant serverTime() {
        return asked("asking for the time of " + spec.endpoint(), Vim::currentTime);
    }

    /** How much its files take on the datastores; nothing if that is not told. */
    public Optional<Long> committedBytes(VmRef vm) {
        String path = "summary.storage.committed";
        long bytes = facts(vm, Set.of(), Set.of(path)).number(path, 0);
        return bytes > 0 ? Optional.of(bytes) : Optional.empty();
    }

    /**
     * What this user lacks for backups of the VM, one line each: a privilege and where; nothing if the server cannot be
     * asked that.
     *
     * @param source by which road its disks are read
     */
    public Optional<List<String>> missingPrivileges(VmConfiguration vm, DiskServerSpec.Source source) {
        return Privileges.missing(this, vm, source);
    }

    /** The same certificate as a whole. */
    X509Certificate certificate() {
        return vim.certificate()
                .orElseThrow(() -> new VSphereException.Untrusted(spec.endpoint() + " has shown no certificate"));
    }

    /** The name of the ESXi host on which the VM runs now; nothing if that is not told. */
    public Optional<String> host(VmRef vm) {
        return asked(
                "asking for the host of " + vm,
                v -> v.properties(reference(vm), Set.of(), Set.of("runtime.host"))
                        .reference("runtime.host")
                        .map(host ->
                                v.properties(host, Set.of(), Set.of("name")).text("name"))
                        .filter(name -> !name.isEmpty()));
    }

    /** The path of the datacenter in which the VM lies, as its files are asked for. */
    String datacenter(VmRef vm) {
        return asked("looking for the datacenter of " + vm, _ -> inventory.datacenter(reference(vm)));
    }

    /** The session as an HTTP cookie, for reading files through it; not to be shown. */
    Optional<String> cookie() {
        return vim.cookie();
    }

    Vim vim() {
        return vim;
    }

    VCenterListener listener() {
        return listener;
    }

    Tasks tasks() {
        return tasks;
    }

    Failures failures() {
        return failures;
    }

    /** Asks something; a failure is said as the failure of {@code what}. */
    <T> T asked(String what, Function<Vim, T> question) {
        return failures.of(what, () -> question.apply(vim));
    }

    static MoRef reference(VmRef vm) {
        return new MoRef("VirtualMachine", vm.moref());
    }

    Facts facts(VmRef vm, Set<String> required, Set<String> optional) {
        return asked("asking about " + vm, v -> v.properties(reference(vm), required, optional));
    }

    private void stayLoggedIn() {
        long interval = spec.limits().keepAlive().toNanos();
        try {
            while (!closed.await(Math.max(1, interval - vim.idleNanos()), TimeUnit.NANOSECONDS)) {
                if (vim.idleNanos() >= interval) {
                    useQuietly();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whoever needs the session next will hear of it; this only tries. */
    private void useQuietly() throws InterruptedException {
        try {
            keepAlive();
        } catch (VSphereException e) {
            LOG.log(DEBUG, "keepalive=failed server={0} reason={1}", spec.endpoint(), e.getMessage());
            // The failed call counted as use only if it was answered: do not ask again at once.
            closed.await(Math.min(1000, spec.limits().keepAlive().toMillis()), TimeUnit.MILLISECONDS);
        }
    }

    /** Logs out, if that can be done quickly, and ends the session in any case. */
    @Override
    public void close() {
        if (closed.getCount() == 0) {
            return;
        }
        closed.countDown();
        Thread goodbye = Thread.ofPlatform().daemon().name("vcenter-logout").start(() -> {
            try {
                vim.logout();
            } catch (SoapException e) {
                LOG.log(DEBUG, "logout=failed server={0} reason={1}", spec.endpoint(), e.getMessage());
            }
        });
        boolean interrupted = Thread.interrupted();
        try {
            goodbye.join(GOODBYE);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        vim.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
