package io.migratekit.cli;

import io.migratekit.cli.Examiner.Exam;
import io.migratekit.nbd.Durations;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.ServerCertificate;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VSphereException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Can we get to the vCenter, is it the right one, and are we let in? What comes next is about the VM: {@link VmExam}. */
final class SourceExam {
    private static final Duration EXPIRES_SOON = Duration.ofDays(14);
    /** Whoever is slow to answer is not late. */
    private static final Duration SKEW = Duration.ofSeconds(60);

    private static final Duration FAR_APART = Duration.ofDays(365);

    private final VCenterSpec spec;
    private final DiskServerSpec diskServer;
    private final Optional<VmExam> vm;
    private final Duration connectLimit;
    private final Duration callLimit;
    private @Nullable ServerCertificate certificate;
    private @Nullable VCenter session;
    private @Nullable VSphereException refusal;

    SourceExam(VCenterSpec wanted, DiskServerSpec diskServer, Optional<VmExam> vm) {
        this.spec = impatient(wanted);
        this.diskServer = diskServer;
        this.vm = vm;
        this.connectLimit = spec.limits().connect().plusSeconds(2);
        this.callLimit = spec.limits().call().multipliedBy(3).plusSeconds(2);
    }

    /** Whoever asks how things are wants to hear that somebody does not answer, and not wait until he does. */
    private static VCenterSpec impatient(VCenterSpec spec) {
        VCenterLimits usual = spec.limits();
        return new VCenterSpec(
                spec.endpoint(),
                spec.username(),
                spec.password(),
                spec.trust(),
                new VCenterLimits(
                        usual.connect(), usual.call(), usual.task(), usual.removal(), Duration.ZERO, usual.keepAlive()),
                spec.apiVersion());
    }

    void look(Exam exam) {
        Reachable server = new Reachable(spec.endpoint().host(), spec.endpoint().port(), ExitCode.SOURCE_UNREACHABLE);
        var _ = exam.ask(DoctorCheck.VCENTER_ADDRESS, connectLimit, server::address);
        var _ = exam.ask(
                DoctorCheck.VCENTER_PORT,
                connectLimit,
                () -> server.connection(spec.limits().connect()));
        try {
            var _ = exam.ask(DoctorCheck.CERTIFICATE, connectLimit.plus(callLimit), this::trust);
            var _ = exam.ask(DoctorCheck.LOGIN, connectLimit, this::login);
            if (certificate != null) {
                var _ = exam.ask(DoctorCheck.EXPIRY, connectLimit, this::expiry);
            }
            var _ = exam.ask(DoctorCheck.VCENTER_CLOCK, callLimit, this::clock);
            vm.ifPresent(one -> one.look(exam, () -> Objects.requireNonNull(session), diskServer, callLimit));
        } finally {
            if (session != null) {
                session.close();
            }
        }
    }

    /** What is shown; whether authorities vouch for it is only seen at the login, so that is tried as well. */
    private Answer trust() {
        ServerCertificate shown;
        try {
            shown = ServerCertificate.of(spec.endpoint(), spec.limits(), VCenterListener.NOBODY);
        } catch (VSphereException e) {
            return silent(e);
        }
        certificate = shown;
        String words = "SHA-256 " + shown.sha256() + ", of " + shown.subject();
        if (spec.trust() instanceof Trust.Pin(var pinned)
                && !pinned.equals(shown.sha1())
                && !pinned.equals(shown.sha256())) {
            return Answer.fail(
                    ExitCode.SOURCE_AUTHENTICATION,
                    "the certificate of " + spec.endpoint() + " is another one than pinned: expected " + pinned
                            + ", but it shows SHA-1 " + shown.sha1() + ", SHA-256 " + shown.sha256()
                            + ". It was renewed, or somebody is in between");
        }
        try {
            session = VCenter.login(spec, VCenterListener.NOBODY);
        } catch (VSphereException.Untrusted e) {
            throw e;
        } catch (VSphereException e) {
            refusal = e;
        }
        return Answer.ok(words);
    }

    private Answer login() {
        VSphereException failure = refusal;
        if (failure != null) {
            if (ExitCode.of(failure) == ExitCode.SOURCE_UNREACHABLE) {
                return silent(failure);
            }
            throw failure;
        }
        VCenter vcenter = Objects.requireNonNull(session);
        return Answer.ok(spec.username() + " at " + vcenter.product() + ", instance " + vcenter.instanceUuid());
    }

    private static Answer silent(VSphereException failure) {
        return Answer.fail(ExitCode.of(failure), failure.getMessage())
                .helpedBy("look whether the vCenter's services run there and answer others, and whether"
                        + " --vmware-endpoint names its HTTPS port");
    }

    private Answer expiry() {
        ServerCertificate shown = Objects.requireNonNull(certificate);
        Instant until;
        try {
            until = Instant.parse(shown.validUntil());
        } catch (DateTimeException e) {
            return Answer.ok("valid until " + shown.validUntil());
        }
        Instant now = Instant.now();
        if (until.isBefore(now)) {
            return Answer.warn("the certificate of " + spec.endpoint() + " expired at " + until
                    + (spec.trust() instanceof Trust.Pin ? "; it is pinned, so it is believed all the same" : ""));
        }
        return until.isBefore(now.plus(EXPIRES_SOON))
                ? Answer.warn("the certificate of " + spec.endpoint() + " expires soon, at " + until)
                : Answer.ok("valid until " + until);
    }

    private Answer clock() {
        return skew(spec.endpoint().toString(), Objects.requireNonNull(session)::serverTime);
    }

    /** How far somebody's clock is from ours, as seen from the middle of the question. */
    static Answer skew(String whose, Supplier<Instant> time) {
        Instant asked = Instant.now();
        Instant theirs = time.get();
        Instant ours = asked.plus(Duration.between(asked, Instant.now()).dividedBy(2));
        Duration skew = Duration.between(ours, theirs);
        if (theirs.equals(Instant.EPOCH)) {
            return Answer.ok("it does not tell its time");
        }
        String apart = skew.abs().compareTo(FAR_APART) > 0 ? "more than a year" : Durations.show(skew.abs());
        return skew.abs().compareTo(SKEW) > 0
                ? Answer.warn("the clock of " + whose + " is " + apart + (skew.isNegative() ? " behind" : " ahead of")
                        + " ours")
                : Answer.ok("less than " + Durations.show(SKEW) + " apart");
    }
}
