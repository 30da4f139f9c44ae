package io.migratekit.cli;

import static java.lang.System.Logger.Level.DEBUG;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.cli.Examiner.Exam;
import io.migratekit.hub.export.Places;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Limits;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdNegotiation;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.vmware.VmDisk;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Does the hub answer, are we let in, and has it room for the backup? No layer is opened, so its exports are not seen. */
final class HubExam {
    private static final System.Logger LOG = System.getLogger(HubExam.class.getName());
    /** Each takes a round trip, and the hub begins with the lowest. */
    private static final int MOST_PORTS = 16;

    private final Supplier<HubClient> connecting;
    private final RoadExam road;
    private final Duration timeout;
    private final Duration limit;
    private final Optional<VmExam.Seen> source;
    private final String jobId;
    private @Nullable JsonObject health;
    private @Nullable JsonObject status;
    private @Nullable JsonObject list;

    /**
     * @param connecting makes a client, by the road if there is one
     * @param timeout the longest silence
     * @param source what is to be backed up, if it was seen
     * @param jobId of the job that is planned; empty if none is named
     */
    HubExam(
            Supplier<HubClient> connecting,
            RoadExam road,
            Duration timeout,
            Optional<VmExam.Seen> source,
            String jobId) {
        this.connecting = connecting;
        this.road = road;
        this.timeout = timeout;
        this.limit = timeout.multipliedBy(2).plusSeconds(2);
        this.source = source;
        this.jobId = jobId;
    }

    void look(Exam exam) {
        if (road.wanted() && road.way() == null) {
            exam.leaveOut(DoctorCheck.Part.HUB.checks());
            return;
        }
        exam.begin(DoctorCheck.HUB, limit);
        try (HubClient hub = connecting.get()) {
            var _ = exam.ask(DoctorCheck.HUB, limit, () -> health(hub));
            var _ = exam.ask(DoctorCheck.HUB_TOKEN, limit.multipliedBy(2), () -> token(hub));
            var _ = exam.ask(DoctorCheck.HUB_VERSION, limit, this::version);
            var _ = exam.ask(
                    DoctorCheck.HUB_CLOCK,
                    limit,
                    () -> SourceExam.skew("the hub", () -> Instant.parse(HubText.text(hub.status(), "now"))));
            var _ = exam.ask(DoctorCheck.HUB_ALARMS, limit, this::alarms);
            var _ = exam.ask(DoctorCheck.HUB_RECORDS, limit, this::records);
            if (source.isPresent()) {
                var _ = exam.ask(DoctorCheck.HUB_LEASE, limit, this::lease);
                var _ = exam.ask(DoctorCheck.HUB_SPACE, limit, () -> space(source.get()));
            }
            // What is closed on the way to an export would otherwise be said of all that comes after it.
            var _ = exam.ask(DoctorCheck.HUB_EXPORTS, limit.multipliedBy(2), this::exports);
        }
    }

    private Answer health(HubClient hub) {
        SshHops hops = road.hops();
        if (hops != null) {
            hops.towards(hub.address().toString(), _ -> {});
        }
        try {
            JsonObject said = hub.health();
            health = said;
            return Answer.ok(HubText.text(said, "version") + ", repository " + HubText.text(said, "repository"));
        } catch (HubException e) {
            Optional<TunnelException> cause = hops == null ? Optional.empty() : hops.reason(road::state);
            if (hops == null || cause.isEmpty()) {
                if (e instanceof HubException.NoAnswer) {
                    return Answer.fail(ExitCode.of(e), String.valueOf(e.getMessage()))
                            .helpedBy(
                                    "look whether the hub is frozen or its disk hangs (`ps -o pid,stat,wchan`, `systemctl"
                                            + " status migratekit-hub`), or correct --hub");
                }
                throw e;
            }
            Finding why = hops.shownOut(cause.get());
            boolean nobody = why.code() == ExitCode.NBD_UNREACHABLE;
            Answer answer = Answer.fail(nobody ? ExitCode.HUB_UNREACHABLE : why.code(), why.meaning());
            return nobody ? answer : answer.helpedBy(why.remedy().orElse(""));
        }
    }

    private Answer token(HubClient hub) {
        status = hub.status();
        list = hub.list(source.map(seen -> seen.vm().instanceUuid()));
        boolean mayWrite = !status().has("mayWrite") || status().get("mayWrite").getAsBoolean();
        return mayWrite
                ? Answer.ok("we may look, and write backups")
                : Answer.fail(ExitCode.HUB_AUTHENTICATION, "the token lets us look at the hub, but not write backups");
    }

    private JsonObject status() {
        return Objects.requireNonNull(status);
    }

    private Answer version() {
        String ours = new Main.Version().getVersion()[0];
        String theirs = HubText.text(Objects.requireNonNull(health), "version");
        return ours.equals(theirs)
                ? Answer.ok(ours)
                : Answer.warn(
                        "the hub is " + theirs + ", and this is " + ours + "; what one of them does not know fails");
    }

    private Answer alarms() {
        List<String> alarms = status().getAsJsonArray("alarms").asList().stream()
                .map(JsonElement::getAsString)
                .toList();
        return alarms.isEmpty() ? Answer.ok("none") : Answer.warn("the hub says: " + String.join("; ", alarms));
    }

    private Answer records() {
        List<JsonObject> unreadable = HubText.objects(Objects.requireNonNull(list), "unreadable");
        return unreadable.isEmpty()
                ? Answer.ok("all of them")
                : Answer.fail(
                        ExitCode.HUB_REPOSITORY,
                        "the hub cannot read "
                                + unreadable.stream()
                                        .map(one -> HubText.text(one, "file") + " (" + HubText.text(one, "why") + ")")
                                        .collect(Collectors.joining(", ")));
    }

    private List<JsonObject> backups() {
        return HubText.objects(Objects.requireNonNull(list), "backups");
    }

    private Answer lease() {
        return backups().stream()
                .filter(one -> HubText.text(one, "state").equals("open")
                        && !HubText.text(one, "id").equals(jobId))
                .findFirst()
                .map(one -> Answer.fail(
                                ExitCode.LOCKED,
                                "backup " + HubText.text(one, "id") + " of this VM is being written, its lease ends at "
                                        + HubText.text(one, "leaseUntil"))
                        .helpedBy("wait for it, or end it: migratekit hub abandon " + HubText.text(one, "id")
                                + ", with the options of this hub"))
                .orElseGet(() -> Answer.ok("no other backup of the VM is being written"));
    }

    /** No layer is open yet, so that nobody listens on its port; but whether sshd lets us through to it shows already. */
    private Answer exports() {
        if (status().has("cannotServe")) {
            String why = HubText.text(status(), "cannotServe");
            return Answer.fail(ExitCode.HUB_REPOSITORY, "the hub cannot serve any layer: " + why)
                    .helpedBy("do that on the hub's host");
        }
        if (!status().has("ports") || road.way() == null) {
            return Answer.ok("nothing is known to be in the way");
        }
        Optional<Places.Ports> ports = Places.Ports.parse(HubText.text(status(), "ports"));
        if (ports.isEmpty()) {
            return Answer.ok("its ports are not understood");
        }
        int first = ports.get().first();
        int last = Math.min(ports.get().last(), first + MOST_PORTS - 1);
        for (int port = first; port <= last; port++) {
            requireNotForbidden(port);
        }
        return Answer.ok("the ports " + first + " to " + last + " are allowed");
    }

    private void requireNotForbidden(int port) {
        NbdUri export = NbdUri.parse("nbd://127.0.0.1:" + port + "/");
        ConnectSpec look = ConnectSpec.of("doctor").withLimits(Limits.of(timeout, timeout));
        try {
            Way.at(road.way(), () -> {
                NbdNegotiation.open(Way.lead(road.way(), export), look).close();
                return port;
            });
        } catch (NbdException e) {
            LOG.log(DEBUG, () -> "port=" + port + " is free: " + e.getMessage());
        }
    }

    /** What a full backup takes is at most what the VM takes; increments are judged by the last one. */
    private Answer space(VmExam.Seen seen) {
        long free = HubText.number(status(), "freeBytes");
        Optional<JsonObject> before = backups().stream()
                .filter(one -> HubText.text(one, "state").equals("sealed"))
                .max(Comparator.comparing(one -> HubText.text(one, "sealedAt")));
        String has = "the hub has " + Sizes.rounded(free) + " free, ";
        if (before.isPresent() && before.get().has("damage")) {
            return Answer.warn(has + "and the newest restore point " + HubText.text(before.get(), "id")
                            + " is known to be damaged, so that the next backup copies everything")
                    .helpedBy("see what is damaged, and look again: migratekit hub verify "
                            + HubText.text(before.get(), "id"));
        }
        if (before.isPresent()) {
            long last = HubText.objects(before.get(), "disks").stream()
                    .mapToLong(disk -> HubText.number(disk, "layerBytes"))
                    .sum();
            String words = has + "and the last backup of the VM took " + Sizes.rounded(last);
            return last > free ? Answer.warn(words) : Answer.ok(words);
        }
        long capacity = seen.disks().stream().mapToLong(VmDisk::capacityBytes).sum();
        if (seen.committedBytes().isPresent() && seen.committedBytes().get() > free) {
            return Answer.fail(
                    ExitCode.HUB_REPOSITORY,
                    has + "and the VM takes "
                            + Sizes.rounded(seen.committedBytes().get()) + ", all of which the first backup copies");
        }
        String words = has + "and the disks have room for " + Sizes.rounded(capacity);
        return capacity > free ? Answer.warn(words + "; it fits as long as they are not full") : Answer.ok(words);
    }
}
