package io.migratekit.vmware.soap;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import com.vmware.vim25.ws.Argument;
import com.vmware.vim25.ws.Client;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * How does a call of the stubs get to the server and back? As one HTTP exchange with our own XML, in a session
 * that is renewed once when the server has forgotten it. Only calls that change nothing are ever repeated.
 */
final class Session implements Client, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Session.class.getName());
    private static final String COOKIE = "vmware_soap_session";

    /** What may be asked again when the answer got lost: it changes nothing. */
    private static final Set<String> READ_ONLY = Set.of(
            "RetrieveServiceContent",
            "RetrieveProperties",
            "RetrievePropertiesEx",
            "CurrentTime",
            "FindByInventoryPath",
            "FindByUuid",
            "HasPrivilegeOnEntities",
            "QueryChangedDiskAreas");

    /** What the server says when it is in trouble itself, and may not be a moment later. */
    private static final Set<String> PASSING =
            Set.of("HostCommunication", "HostNotReachable", "HostNotConnected", "SystemError", "RuntimeFault");

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

    private final SoapSpec spec;
    private final Http http;
    private final ReentrantLock relogin = new ReentrantLock();
    private volatile @Nullable String cookie;
    private volatile String apiVersion;
    private volatile @Nullable Runnable login;

    /** How often we have logged in: who was refused with an older number only has to ask again. */
    private final AtomicInteger logins = new AtomicInteger();

    private volatile long lastUsedNanos = System.nanoTime();

    Session(SoapSpec spec) {
        this.spec = spec;
        this.http = new Http(spec);
        this.apiVersion = spec.apiVersion();
    }

    /** Logs in now, and again whenever the session was lost. */
    void login(Runnable act) {
        act.run();
        login = act;
        logins.incrementAndGet();
    }

    /** A session that is ended is not renewed. */
    void forgetLogin() {
        login = null;
    }

    Optional<X509Certificate> certificate() {
        return http.certificate();
    }

    long idleNanos() {
        return System.nanoTime() - lastUsedNanos;
    }

    Optional<String> cookie() {
        return Optional.ofNullable(cookie);
    }

    void useOlderVersion() {
        apiVersion = SoapSpec.OLDER_API_VERSION;
    }

    @Override
    public @Nullable Object invoke(String method, Argument[] arguments, @Nullable String returnType) {
        int before = logins.get();
        try {
            return patiently(method, arguments, returnType);
        } catch (SoapException.Fault e) {
            if (!e.name().equals(Faults.NOT_AUTHENTICATED) || login == null || relogin.isHeldByCurrentThread()) {
                throw e;
            }
        }
        LOG.log(INFO, "session=lost server={0} call={1} next=login", spec.sdk().getAuthority(), method);
        loginAgain(before);
        return patiently(method, arguments, returnType);
    }

    /** One thread logs in; the others find that done. */
    private void loginAgain(int before) {
        Duration limit = spec.limits().call().multipliedBy(2);
        try {
            if (!relogin.tryLock(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new SoapException.NoAnswer("another thread has been logging in to "
                        + spec.sdk().getAuthority() + " for more than " + limit.toMillis() + " ms");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoapException.Interrupted("interrupted while another thread logs in");
        }
        try {
            Runnable act = login;
            if (act != null && logins.get() == before) {
                cookie = null;
                try {
                    act.run();
                } catch (SoapException.Fault e) {
                    // Trying a refused password again and again would lock the account.
                    login = null;
                    throw e;
                }
                logins.incrementAndGet();
            }
        } finally {
            relogin.unlock();
        }
    }

    private @Nullable Object patiently(String method, Argument[] arguments, @Nullable String returnType) {
        boolean mayRepeat = READ_ONLY.contains(method) && login != null;
        long started = System.nanoTime();
        Duration pause = FIRST_PAUSE;
        for (int attempt = 1; ; attempt++) {
            SoapException failure;
            try {
                return once(method, arguments, returnType);
            } catch (SoapException.NoConnection | SoapException.Lost e) {
                failure = e;
            } catch (SoapException.NoAnswer e) {
                if (attempt > 1) {
                    throw e;
                }
                failure = e;
            } catch (SoapException.Fault e) {
                if (!PASSING.contains(e.name()) || attempt > spec.limits().faultRepeats()) {
                    throw e;
                }
                failure = e;
            }
            long left = spec.limits().retryFor().toNanos() - (System.nanoTime() - started);
            if (!mayRepeat || (left < pause.toNanos() && attempt > 1)) {
                throw failure;
            }
            LOG.log(DEBUG, "call={0} attempt={1} failed={2}", method, attempt, failure.getMessage());
            spec.waits().waiting("another try of " + method + ", for " + failure.getMessage(), pause);
            sleep(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
        }
    }

    static void sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoapException.Interrupted("interrupted while waiting to ask again");
        }
    }

    private @Nullable Object once(String method, Argument[] arguments, @Nullable String returnType) {
        String request = Encoder.encode(method, arguments);
        long started = System.nanoTime();
        Http.Answer answer = http.post(method, "urn:vim25/" + apiVersion, cookie, request);
        lastUsedNanos = System.nanoTime();
        keepCookie(answer);
        LOG.log(
                DEBUG,
                "call={0} status={1} bytes={2} millis={3}",
                method,
                answer.status(),
                answer.bytes(),
                (lastUsedNanos - started) / 1_000_000);
        Object value = read(method, answer, returnType);
        if (value instanceof SoapException.Fault fault) {
            throw fault;
        }
        if (Faults.sessionIsGone(value)) {
            throw Faults.of(Faults.NOT_AUTHENTICATED, "the session is not authenticated", null);
        }
        return value;
    }

    private @Nullable Object read(String method, Http.Answer answer, @Nullable String returnType) {
        String where = spec.sdk().getAuthority();
        if (answer.status() != 200 && answer.status() != 500) {
            throw new SoapException.NotVSphere(
                    spec.sdk() + " answered with the HTTP status " + answer.status() + " to " + method
                            + "; either it is no vSphere server, or its services are not up",
                    null);
        }
        try {
            return Decoder.decode(answer.body(), returnType, spec.limits().depth());
        } catch (SoapException.NotVSphere e) {
            throw new SoapException.NotVSphere(
                    where + " answered " + method + " with something that is not of vSphere: " + e.getMessage(), e);
        }
    }

    private void keepCookie(Http.Answer answer) {
        for (String line : answer.cookies()) {
            String pair = line.split(";", 2)[0].strip();
            if (pair.startsWith(COOKIE + "=")) {
                cookie = pair;
            }
        }
    }

    @Override
    public void close() {
        http.close();
    }

    @Override
    public @Nullable String getCookie() {
        return cookie;
    }

    @Override
    public URL getBaseUrl() {
        try {
            return spec.sdk().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String getVimNameSpace() {
        return "urn:vim25";
    }

    @Override
    public int getConnectTimeout() {
        return (int) spec.limits().connect().toMillis();
    }

    @Override
    public int getReadTimeout() {
        return (int) spec.limits().call().toMillis();
    }

    @Override
    public StringBuffer invokeAsString(String method, Argument[] arguments) {
        throw notOurs();
    }

    @Override
    public void setBaseUrl(URL url) {
        throw notOurs();
    }

    @Override
    public void setCookie(String value) {
        throw notOurs();
    }

    @Override
    public void setVimNameSpace(String value) {
        throw notOurs();
    }

    @Override
    public void setConnectTimeout(int millis) {
        throw notOurs();
    }

    @Override
    public void setReadTimeout(int millis) {
        throw notOurs();
    }

    @Override
    public TrustManager getTrustManager() {
        throw notOurs();
    }

    @Override
    public void setSoapActionOnApiVersion(String version) {
        throw notOurs();
    }

    @Override
    public String marshall(String method, Argument[] arguments) {
        throw notOurs();
    }

    @Override
    public Object unMarshall(String returnType, InputStream body) {
        throw notOurs();
    }

    @Override
    public StringBuffer readStream(InputStream body) {
        throw notOurs();
    }

    private static UnsupportedOperationException notOurs() {
        return new UnsupportedOperationException(
                "the session is set up by its specification, and asked by invoke only");
    }
}
