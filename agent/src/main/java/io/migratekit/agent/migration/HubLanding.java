package io.migratekit.agent.migration;

import static java.lang.System.Logger.Level.DEBUG;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.hub.Heartbeat;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What does the hub hold of a backup that is being written? A layer for each disk, ours as long as it hears from us,
 * over the last restore point, or empty. Sealed, it is a restore point, in which the change ids stand.
 */
final class HubLanding implements Landing {
    private static final System.Logger LOG = System.getLogger(HubLanding.class.getName());
    /** The hub ends its exports when it has not heard from us for so long; what was written stays. */
    private static final int LEASE_SECONDS = 600;

    /** Much more often than the lease needs it: who looks at the hub sees how fast it goes, and what is waited for. */
    private static final Duration BEAT_EVERY = Duration.ofSeconds(5);

    /** Who has failed does not wait long for a hub that may be the cause. */
    private static final Duration LEAVE = Duration.ofSeconds(2);

    private final MigrationSpec spec;
    private final HubDestination hub;
    private final VmConfiguration vm;
    private final StateFolder folder;
    private final MigrationListener listener;
    private final String repository;
    private final Heartbeat heartbeat;
    private volatile Map<Integer, Layer> layers = Map.of();
    /** All disks that the hub has a layer of, also those that the VM has lost since. */
    private volatile Set<Integer> opened = Set.of();

    private final boolean committed;
    /** Nobody has it in hand but us: one that was open before we came may be somebody else's work, too. */
    private boolean oursAlone;

    /** Where a disk is written to. */
    private record Layer(
            NbdUri target,
            boolean full,
            @Nullable String why,
            @Nullable String parent,
            @Nullable JsonObject moment) {}

    private HubLanding(
            MigrationSpec spec,
            HubDestination hub,
            VmConfiguration vm,
            StateFolder folder,
            MigrationListener listener,
            Supplier<String> progress,
            boolean committed,
            String repository) {
        this.spec = spec;
        this.hub = hub;
        this.vm = vm;
        this.folder = folder;
        this.listener = listener;
        this.committed = committed;
        this.repository = repository;
        heartbeat = new Heartbeat(
                BEAT_EVERY,
                () -> hub.client()
                        .heartbeat(
                                spec.id().text(),
                                JsonParser.parseString(progress.get()).getAsJsonObject()),
                new Heard(listener));
    }

    /** Lets the hub open a layer for each disk, or gives those that it has opened for this backup before. */
    static HubLanding open(
            MigrationSpec spec,
            HubDestination hub,
            String vcenter,
            VmConfiguration vm,
            List<VmDisk> disks,
            StateFolder folder,
            MigrationListener listener,
            Supplier<String> progress) {
        HubClient client = hub.client();
        client.tell(new Words(listener));
        String repository = text(client.health(), "repository");
        Optional<JsonObject> known = client.backup(spec.id().text());
        boolean committed = known.isPresent() && "sealed".equals(text(known.get(), "state"));
        HubLanding landing = new HubLanding(spec, hub, vm, folder, listener, progress, committed, repository);
        landing.oursAlone = known.isEmpty() || !Set.of("open", "sealed").contains(text(known.get(), "state"));
        if (!committed) {
            client.putVm(vm.instanceUuid(), HubRequests.inventory(vcenter, vm));
            try {
                landing.start(disks, "auto");
            } catch (HubException | MigrationException e) {
                landing.leave();
                throw e;
            }
            landing.heartbeat.start();
        }
        return landing;
    }

    /** Whether the hub hears that the backup lives. */
    private record Heard(MigrationListener listener) implements Heartbeat.Listener {
        @Override
        public void unheard(HubException why) {
            listener.warned("the hub does not hear that this backup lives: " + why.getMessage()
                    + ". It ends its exports after a while; copying goes on meanwhile");
        }

        @Override
        public void heardAgain() {
            listener.told("the hub hears us again");
        }
    }

    /** What is said of the hub is said of the backup. */
    private record Words(MigrationListener listener) implements HubClient.Listener {
        @Override
        public void waiting(String what, Duration atMost) {
            listener.waiting(what, atMost);
        }

        @Override
        public void waited(String what) {
            listener.waited(what);
        }

        @Override
        public void retrying(String why) {
            listener.told(why + "; trying again");
        }
    }

    /** Asks for layers of these disks; what the hub has opened for others of this backup stays. */
    private void start(Collection<VmDisk> disks, String kind) {
        JsonObject request = HubRequests.start(
                spec.id(),
                vm,
                Math.min(HubClient.MOST_WORKERS, spec.limits().connections()),
                LEASE_SECONDS,
                disks,
                kind);
        JsonObject answer = hub.client().start(request);
        Map<Integer, Layer> now = new TreeMap<>(layers);
        Set<Integer> keys = new TreeSet<>();
        for (JsonElement element : answer.getAsJsonArray("disks")) {
            JsonObject one = element.getAsJsonObject();
            int key = one.get("key").getAsInt();
            keys.add(key);
            if (disks.stream().anyMatch(disk -> disk.key() == key)) {
                now.put(key, layer(one, now.get(key)));
            }
        }
        for (VmDisk disk : disks) {
            if (!now.containsKey(disk.key())) {
                throw new MigrationException.BadTargets("the hub opened no layer for " + disk);
            }
        }
        layers = Map.copyOf(now);
        opened = Set.copyOf(keys);
    }

    private Layer layer(JsonObject disk, @Nullable Layer before) {
        if (!disk.has("export")) {
            throw new MigrationException.NoExport("the hub cannot serve disk " + text(disk, "key") + ": "
                    + (disk.has("exportFailure") ? text(disk, "exportFailure") : "it says not why"));
        }
        String name = "hub:" + repository + "/" + text(disk, "layer");
        NbdUri export = NbdUri.parse(text(disk, "export"));
        // The way to an export that is the same as before is there already.
        NbdUri target = before != null && before.target().identity().equals(name)
                ? before.target()
                : hub.road().apply(export).knownAs(name);
        JsonObject parent = disk.getAsJsonObject("parent");
        return new Layer(
                target,
                text(disk, "kind").equals("full"),
                disk.has("why") ? text(disk, "why") : null,
                parent == null ? null : text(parent, "backup"),
                parent == null ? null : parent.getAsJsonObject("moment"));
    }

    private static String text(JsonObject json, String name) {
        JsonElement value = json.get(name);
        if (value == null || !value.isJsonPrimitive()) {
            throw new MigrationException.BadTargets("the hub's answer lacks '" + name + "'; is it of another version?");
        }
        return value.getAsString();
    }

    private Layer of(int disk) {
        return Objects.requireNonNull(layers.get(disk));
    }

    @Override
    public Map<Integer, NbdUri> targets() {
        return layers.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().target(), (one, _) -> one, TreeMap::new));
    }

    @Override
    public Optional<Milestone> find(int disk) {
        Layer layer = of(disk);
        JsonObject moment = layer.moment();
        if (moment == null) {
            return Optional.empty();
        }
        try {
            Milestone milestone = Milestone.parse(moment.toString());
            return Optional.of(
                    spec.audit().isDue(milestone.unaudited())
                            ? milestone.withHashes(hashes(Objects.requireNonNull(layer.parent()), disk))
                            : milestone);
        } catch (JsonFields.Unfit | RuntimeException e) {
            listener.warned("what the hub remembers of disk " + disk + " cannot be used (" + e.getMessage()
                    + "), so all of it is copied");
            return Optional.empty();
        }
    }

    /** What an audit compares with: the hashes of the restore point on which the layer stands. */
    private List<Path> hashes(String backup, int disk) {
        Path file = folder.path().resolve("parent-" + disk + "-" + backup + ".hashes");
        try {
            if (!Files.exists(file)) {
                hub.client().getHashes(backup, disk, file);
            }
            return List.of(file);
        } catch (HubException e) {
            if (e instanceof HubException.Cancelled) {
                throw e;
            }
            listener.warned("change tracking of disk " + disk + " cannot be audited: " + e.getMessage());
            return List.of();
        }
    }

    /** A layer of ours is written by this backup alone. */
    @Override
    public String state(int disk) {
        return of(disk).full() ? Milestones.overwrittenBy(spec.id()) : "layer of " + spec.id();
    }

    @Override
    public void forget(int disk) {
        // The hub hands out a change id with its restore point only, and that stays as it is.
    }

    @Override
    public void reached(int disk, Milestone milestone) {
        // It counts when it is sealed.
    }

    @Override
    public NbdUri forAll(int disk) {
        if (!of(disk).full()) {
            start(vm.disks().stream().filter(one -> one.key() == disk).toList(), "full");
        }
        return of(disk).target();
    }

    @Override
    public Optional<String> whyNothing(int disk) {
        return Optional.ofNullable(of(disk).why());
    }

    @Override
    public boolean provesItself() {
        return true;
    }

    @Override
    public boolean isCommittedLast() {
        return true;
    }

    @Override
    public boolean isCommitted() {
        return committed;
    }

    @Override
    public void commit(Commit commit) {
        heartbeat.close();
        if (committed) {
            return;
        }
        List<Disk> disks = new ArrayList<>();
        for (int key : opened) {
            disks.add(commit.disks().stream()
                    .filter(disk -> disk.key() == key)
                    .findFirst()
                    .orElseGet(() -> new Missing(key, "it went from the VM before it was frozen")));
        }
        for (Disk disk : disks) {
            if (disk instanceof Copied copied) {
                copied.hashes()
                        .ifPresent(file -> hub.client().putHashes(spec.id().text(), disk.key(), file));
            }
        }
        JsonObject seal = HubRequests.seal(commit, disks, hub.agent());
        JsonObject point = hub.client().seal(spec.id().text(), seal);
        oursAlone = false;
        if (point.has("complete") && !point.get("complete").getAsBoolean()) {
            listener.warned(
                    "the hub has sealed restore point " + spec.id() + " as INCOMPLETE: disks are missing in it");
        } else {
            listener.told("the hub has proved and sealed restore point " + spec.id());
        }
    }

    @Override
    public void close() {
        heartbeat.close();
        leave();
    }

    /** A backup that has ended without a restore point is in nobody's way: the next one need not wait for the end of the lease. */
    private void leave() {
        if (!oursAlone) {
            return;
        }
        boolean interrupted = Thread.interrupted();
        try {
            hub.client().letGo(spec.id().text(), LEAVE);
        } catch (HubException e) {
            LOG.log(DEBUG, () -> "job=" + spec.id() + " the hub was not told that we leave: " + e.getMessage());
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** What the newest restore point of a disk holds, for who only wants to look. */
    static Optional<Milestone> newest(List<JsonObject> backupsOfVm, VmDisk disk) {
        Optional<Milestone> newest = Optional.empty();
        for (JsonObject backup : backupsOfVm) {
            for (JsonElement element : backup.getAsJsonArray("disks")) {
                JsonObject one = element.getAsJsonObject();
                if (text(backup, "state").equals("sealed")
                        && one.get("key").getAsInt() == disk.key()
                        && one.has("root")) {
                    newest = one.has("moment") && one.get("capacityBytes").getAsLong() == disk.capacityBytes()
                            ? parsed(one.getAsJsonObject("moment"))
                            : Optional.empty();
                }
            }
        }
        return newest;
    }

    private static Optional<Milestone> parsed(JsonObject moment) {
        try {
            return Optional.of(Milestone.parse(moment.toString()));
        } catch (JsonFields.Unfit | RuntimeException e) {
            return Optional.empty();
        }
    }
}
