package io.migratekit.cli;

import io.migratekit.cli.Examiner.Exam;
import io.migratekit.cli.Finding.Status;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.TunnelException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Can a disk be written to this export, by as many connections as the job plans? Nothing is written.
 *
 * @param uri as seen from the far end of the road
 * @param clients so many connections the job plans
 * @param diskBytes size of the VM's disk, if it is known
 */
record ExportExam(NbdUri uri, RoadExam road, ConnectSpec connect, int clients, Optional<Long> diskBytes) {
    private static final Map<String, DoctorCheck> CHECKS = Map.ofEntries(
            Map.entry("address", DoctorCheck.NBD_ADDRESS),
            Map.entry("connection", DoctorCheck.NBD_CONNECTION),
            Map.entry("greeting", DoctorCheck.GREETING),
            Map.entry("tls", DoctorCheck.NBD_TLS),
            Map.entry("options", DoctorCheck.OPTIONS),
            Map.entry("export", DoctorCheck.EXPORT),
            Map.entry("contexts", DoctorCheck.CONTEXTS),
            Map.entry("open", DoctorCheck.OPEN),
            Map.entry("block status", DoctorCheck.BLOCK_STATUS),
            Map.entry("reads", DoctorCheck.LATENCY),
            Map.entry("second connection", DoctorCheck.SLOTS),
            Map.entry("once more", DoctorCheck.SLOTS));
    /** The near end of a road is ours: that it accepts says nothing. */
    private static final Set<DoctorCheck> NEAR = EnumSet.of(DoctorCheck.NBD_ADDRESS, DoctorCheck.NBD_CONNECTION);
    /** The waits of a probe, each with its own limit; all of them together never take so long. */
    private static final int WAITS = 12;

    void look(Exam exam) {
        List<DoctorCheck> checks = DoctorCheck.Part.EXPORT.checks();
        if (road.wanted() && road.way() == null) {
            exam.leaveOut(checks);
            return;
        }
        Duration limit = connect.limits()
                .greeting()
                .multipliedBy(WAITS + clients)
                .plus(connect.limits().blockStatus())
                .plusSeconds(2);
        exam.begin(DoctorCheck.GREETING, limit);
        SshHops hops = road.hops();
        if (hops != null) {
            hops.towards(uri.address(), hop -> exam.found(RoadExam.of(hop), hop));
        }
        Failure failure = new Failure();
        Probe probe = new Probe(Way.lead(road.way(), uri), connect, clients, step -> take(exam, failure, step));
        var _ = probe.run();
        if (failure.step != null) {
            tell(exam, failure.step, hops);
        }
        probe.seen().ifPresent(info -> judge(exam, info));
        exam.leaveOut(checks);
    }

    /** What the probe met at last; it is told when it is known whether the road was the cause. */
    private static final class Failure {
        @Nullable
        Finding step;
    }

    private void take(Exam exam, Failure failure, Finding step) {
        DoctorCheck check = CHECKS.getOrDefault(step.step(), DoctorCheck.OPEN);
        if (step.status() == Status.FAIL) {
            failure.step = step;
        } else if (!(road.wanted() && NEAR.contains(check)) && !isPreliminary(step)) {
            exam.found(check, judged(check, step));
        }
    }

    /** Why a second client was not served is told by the step after it. */
    private static boolean isPreliminary(Finding step) {
        return step.status() == Status.WARN && step.meaning().isEmpty();
    }

    /** A job that plans more connections than it gets is not the job that was planned. */
    private Finding judged(DoctorCheck check, Finding step) {
        boolean fails = step.status() == Status.WARN && step.code() != ExitCode.DONE;
        String planned = fails ? "; the job plans " + clients + " connections" : "";
        Optional<String> usual = step.status() == Status.OK
                ? Optional.empty()
                : Optional.of(check.remedy()).filter(r -> !r.isEmpty());
        return new Finding(
                check.word(),
                fails ? Status.FAIL : step.status(),
                step.took(),
                step.detail(),
                step.meaning() + planned,
                step.remedy()
                        .map(words -> fails ? words + ", or plan --connections 1" : words)
                        .or(() -> usual),
                step.code());
    }

    private void tell(Exam exam, Finding step, @Nullable SshHops hops) {
        Optional<TunnelException> cause = hops == null ? Optional.empty() : hops.reason(road::state);
        if (hops != null && cause.isPresent()) {
            var _ = hops.shownOut(cause.get());
        } else {
            // Some servers tell only when they are asked for the export that they want encryption first.
            DoctorCheck check = step.code() == ExitCode.NBD_TLS
                    ? DoctorCheck.NBD_TLS
                    : CHECKS.getOrDefault(step.step(), DoctorCheck.OPEN);
            exam.found(check, step.withMeaning(step.meaning() + serviceSays()));
        }
    }

    private String serviceSays() {
        List<String> refusals = road.way() instanceof ServiceRoad service ? service.lastRefusals() : List.of();
        return refusals.isEmpty() ? "" : " The tunnel says: " + String.join("; ", refusals);
    }

    private void judge(Exam exam, ExportInfo info) {
        Duration soon = Duration.ofSeconds(1);
        if (clients > 1) {
            var _ = exam.ask(
                    DoctorCheck.MULTI_CONN,
                    soon,
                    () -> info.multiConn()
                            ? Answer.ok("it says so")
                            : Answer.warn("the server does not say that several connections may be used, so the job"
                                    + " will write through one instead of " + clients));
        }
        diskBytes.ifPresent(bytes -> exam.ask(DoctorCheck.SIZE, soon, () -> size(info, bytes)));
        var _ = exam.ask(
                DoctorCheck.WRITABLE,
                soon,
                () -> info.readOnly()
                        ? Answer.fail(ExitCode.USAGE, "the export is read-only; a job is refused so, too")
                        : Answer.ok("it says so"));
    }

    private static Answer size(ExportInfo info, long bytes) {
        String words =
                "the export has " + Sizes.withExact(info.sizeBytes()) + " bytes, the disk " + Sizes.withExact(bytes);
        return info.sizeBytes() < bytes
                ? Answer.fail(ExitCode.USAGE, words + ": too few; a job is refused so, too")
                : Answer.ok(words);
    }
}
