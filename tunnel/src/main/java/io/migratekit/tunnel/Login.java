package io.migratekit.tunnel;

import com.jcraft.jsch.HubSession;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.JSchAlgoNegoFailException;
import com.jcraft.jsch.JSchChangedHostKeyException;
import com.jcraft.jsch.JSchException;
import com.jcraft.jsch.JSchRevokedHostKeyException;
import com.jcraft.jsch.JSchSessionDisconnectException;
import com.jcraft.jsch.JSchStrictKexException;
import com.jcraft.jsch.JSchUnknownHostKeyException;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * How do we get into the hub? From a name to an SSH session that is authenticated, one step after the
 * other, each within its limit. jsch logs in on a thread of its own: when a step takes too long the
 * socket is cut, and a thread that still hangs (an ssh-agent that does not answer) is left behind.
 */
final class Login {
    private static final Duration SLICE = Duration.ofMillis(20);
    /** AES-GCM is the fastest that Java has; the others are for servers without it. */
    private static final String CIPHERS = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes128-ctr";

    private final TunnelSpec spec;
    private final String link;
    private final HopListener hops;
    private final Dial dial;
    private volatile @Nullable HubSession session;
    private volatile @Nullable HostKeyJudge judge;
    private volatile Step step = Step.RESOLVE;
    private volatile long stepBeganNanos = System.nanoTime();

    Login(TunnelSpec spec, String link, HopListener hops) {
        this.spec = spec;
        this.link = link;
        this.hops = hops;
        this.dial = new Dial(spec.target(), spec.limits());
    }

    /** An authenticated session on this wire. */
    record Result(HubSession session, Wire wire) {}

    Result run(HubSession.Events events) {
        enter(Step.RESOLVE);
        var addresses = dial.resolve();
        enter(Step.CONNECT);
        Wire wire = new Wire(dial.connect(addresses));
        try {
            // Only now, because opening an encrypted key takes its time and the host may not be there.
            enter(Step.GREETING);
            HostKeyJudge judge = new HostKeyJudge(spec.hostKeys());
            Keyring keyring = Keyring.open(spec.keys());
            HubSession session = prepare(wire, judge, keyring, events);
            this.session = session;
            this.judge = judge;
            enter(Step.GREETING);
            logIn(session, wire, judge, keyring);
            hops.passed(step, Duration.ofNanos(System.nanoTime() - stepBeganNanos));
            return new Result(session, wire);
        } catch (RuntimeException | Error e) {
            wire.cut();
            throw e;
        }
    }

    /** The handshake has got as far as this step; the time of the step before ends. */
    void enter(Step next) {
        long now = System.nanoTime();
        if (next != step) {
            tellWhatWasSeen();
            hops.passed(step, Duration.ofNanos(now - stepBeganNanos));
        }
        step = next;
        stepBeganNanos = now;
    }

    private void tellWhatWasSeen() {
        HubSession talking = session;
        HostKeyJudge judging = judge;
        if (step == Step.GREETING && talking != null) {
            hops.saw(step, String.valueOf(talking.getServerVersion()).replaceAll("[^ -~]", "?"));
        } else if (step == Step.KEY_EXCHANGE && judging != null) {
            hops.saw(step, judging.described());
        }
    }

    private HubSession prepare(Wire wire, HostKeyJudge judge, Keyring keyring, HubSession.Events events) {
        SshTarget target = spec.target();
        try {
            HubSession session = new HubSession(new JSch(), target.user(), target.host(), target.port(), events);
            session.setLogger(new JschLog(link));
            session.setSocketFactory(wire);
            wire.holdBack(session::isMoreComing);
            session.setHostKeyRepository(judge);
            session.setIdentityRepository(keyring);
            target.alias().ifPresent(session::setHostKeyAlias);
            session.setDaemonThread(true);
            session.setConfig("StrictHostKeyChecking", "yes");
            session.setConfig("HashKnownHosts", "no");
            session.setConfig("PreferredAuthentications", "publickey");
            session.setConfig("enable_strict_kex", "yes");
            session.setConfig("cipher.c2s", CIPHERS);
            session.setConfig("cipher.s2c", CIPHERS);
            if (GnuTls.isUsable()) {
                session.setConfig("random", NativeRandom.class.getName());
                session.setConfig("aes128-gcm@openssh.com", NativeGcm.Aes128.class.getName());
                session.setConfig("aes256-gcm@openssh.com", NativeGcm.Aes256.class.getName());
            }
            session.setConfig("compression.c2s", "none");
            session.setConfig("compression.s2c", "none");
            return session;
        } catch (JSchException e) {
            throw new TunnelException.BadSpec(target + ": " + e.getMessage(), e);
        }
    }

    private void logIn(HubSession session, Wire wire, HostKeyJudge judge, Keyring keyring) {
        FutureTask<Optional<JSchException>> login = new FutureTask<>(() -> {
            try {
                session.connect();
                return Optional.empty();
            } catch (JSchException e) {
                return Optional.of(e);
            }
        });
        Thread.ofPlatform().daemon().name("ssh-login-" + link).start(login);
        while (true) {
            try {
                Optional<JSchException> failure = login.get(SLICE.toMillis(), TimeUnit.MILLISECONDS);
                if (failure.isPresent()) {
                    throw diagnose(failure.get(), wire, judge, keyring);
                }
                return;
            } catch (TimeoutException e) {
                Duration waited = Duration.ofNanos(System.nanoTime() - stepBeganNanos);
                if (waited.compareTo(spec.limits().limitOf(step)) > 0) {
                    throw tooLate(wire, waited);
                }
            } catch (InterruptedException e) {
                throw dial.interrupted();
            } catch (ExecutionException e) {
                throw new TunnelException.Unreachable(spec.target() + ": the login failed: " + e.getCause(), e);
            }
        }
    }

    private TunnelException tooLate(Wire wire, Duration waited) {
        if (step != Step.GREETING || wire.firstWords().isEmpty()) {
            return dial.noAnswer(step, waited);
        }
        return wire.firstWords().startsWith("SSH-") ? dial.noAnswer(Step.KEY_EXCHANGE, waited) : notSsh(wire, null);
    }

    private TunnelException.NotSsh notSsh(Wire wire, @Nullable Throwable cause) {
        return new TunnelException.NotSsh(
                spec.target() + ": what answers there is not an SSH server; it says \"" + wire.firstWords()
                        + "\". Check the port.",
                cause);
    }

    private TunnelException diagnose(JSchException e, Wire wire, HostKeyJudge judge, Keyring keyring) {
        SshTarget target = spec.target();
        String words = String.valueOf(e.getMessage());
        return switch (e) {
            case JSchUnknownHostKeyException _ -> judge.unknown(target);
            case JSchChangedHostKeyException _, JSchRevokedHostKeyException _ -> judge.changed(target);
            case JSchAlgoNegoFailException _, JSchStrictKexException _ ->
                new TunnelException.Insecure(
                        target + ": no safe common ground with this server: " + words
                                + ". Update its sshd, or allow aes128-gcm@openssh.com there.",
                        e);
            case JSchSessionDisconnectException bye
            when step == Step.AUTHENTICATION -> notLetIn(keyring, "; it says: " + bye.getDescription());
            case JSchSessionDisconnectException bye ->
                new TunnelException.Unreachable(
                        target + ": the server ended the session during the " + step.title() + "; it says: "
                                + bye.getDescription(),
                        e);
            default ->
                // To jsch a connection that breaks while we authenticate is a key that does not fit.
                words.startsWith("Auth ") && !wire.hasHungUp()
                        ? notLetIn(keyring, "")
                        : step == Step.GREETING
                                        && !wire.firstWords().isEmpty()
                                        && !wire.firstWords().startsWith("SSH-")
                                ? notSsh(wire, e)
                                : hungUp(e);
        };
    }

    private TunnelException notLetIn(Keyring keyring, String addition) {
        return new TunnelException.AuthenticationFailed(spec.target() + ": the server does not let us in with "
                + keyring.tried() + addition + ". Usual cause: the public key is not in authorized_keys of "
                + spec.target().user() + " there, or that file may be written by others; sshd's log on the hub says"
                + " which.");
    }

    private TunnelException hungUp(JSchException e) {
        String usual = step == Step.GREETING
                ? "too many sessions are just being opened (MaxStartups), or a firewall"
                : "sshd was stopped, or the network broke";
        return new TunnelException.Unreachable(
                spec.target() + ": the server hung up during the " + step.title() + ", after "
                        + Durations.show(Duration.ofNanos(System.nanoTime() - stepBeganNanos)) + " (" + e.getMessage()
                        + "). Usual cause: " + usual + ".",
                e);
    }
}
