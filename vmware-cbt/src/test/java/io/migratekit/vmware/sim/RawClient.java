package io.migratekit.vmware.sim;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Talks to a server in plain text, so that a test sees what is on the wire. Believes one certificate. */
final class RawClient implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final URI root;
    private final HttpClient http;
    private String cookie = "";

    RawClient(SimulatedVCenter sim) {
        root = URI.create("https://" + sim.endpoint() + "/");
        http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(trusting(sim.certificateFile()))
                .build();
    }

    private static SSLContext trusting(Path pem) {
        try (InputStream in = Files.newInputStream(pem)) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setCertificateEntry(
                    "sim", CertificateFactory.getInstance("X.509").generateCertificate(in));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (IOException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    RawClient login(SimulatedVCenter sim) throws IOException, InterruptedException {
        String password = sim.settings().password().replace("&", "&amp;").replace("<", "&lt;");
        call(
                "Login",
                "SessionManager",
                "SessionManager",
                "<userName>" + sim.settings().username() + "</userName><password>" + password + "</password>");
        return this;
    }

    /** The text of the answer, fault or not. */
    String call(String method, String type, String id, String arguments) throws IOException, InterruptedException {
        return call(method, type, id, arguments, LIMIT);
    }

    String call(String method, String type, String id, String arguments, Duration limit)
            throws IOException, InterruptedException {
        String envelope = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><" + method
                + " xmlns=\"urn:vim25\"><_this type=\"" + type + "\">" + id + "</_this>" + arguments + "</" + method
                + "></e:Body></e:Envelope>";
        HttpRequest request = HttpRequest.newBuilder(root.resolve("/sdk"))
                .header("SOAPAction", "urn:vim25/6.5")
                .header("Cookie", cookie)
                .POST(HttpRequest.BodyPublishers.ofString(envelope))
                .build();
        // Not the request's own timeout, which ends with the headers.
        CompletableFuture<HttpResponse<String>> coming =
                http.sendAsync(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        HttpResponse<String> answer;
        try {
            answer = coming.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            coming.cancel(true);
            throw new IOException(e);
        }
        answer.headers().firstValue("set-cookie").ifPresent(c -> cookie = c.substring(0, c.indexOf(';')));
        return answer.body();
    }

    /** Changed areas of a snapshot's disk from an offset on. */
    String changed(SimVm vm, String snapshot, int key, long start, String changeId)
            throws IOException, InterruptedException {
        return call(
                "QueryChangedDiskAreas",
                "VirtualMachine",
                vm.moref(),
                "<snapshot type=\"VirtualMachineSnapshot\">" + snapshot + "</snapshot><deviceKey>" + key
                        + "</deviceKey><startOffset>" + start + "</startOffset><changeId>" + changeId + "</changeId>");
    }

    /** The properties of one object at these paths. */
    String properties(String type, String id, String... paths) throws IOException, InterruptedException {
        String sets = "<pathSet>" + String.join("</pathSet><pathSet>", paths) + "</pathSet>";
        return call(
                "RetrievePropertiesEx",
                "PropertyCollector",
                "propertyCollector",
                "<specSet><propSet><type>" + type + "</type>" + sets + "</propSet><objectSet><obj type=\"" + type
                        + "\">" + id + "</obj></objectSet></specSet><options/>");
    }

    /** Polls until the task has ended, and gives its info. */
    String task(String answer) throws IOException, InterruptedException {
        String id = value(answer, "returnval");
        long end = System.nanoTime() + LIMIT.toNanos();
        while (System.nanoTime() < end) {
            String info = properties("Task", id, "info");
            if (info.contains("<state>success<") || info.contains("<state>error<")) {
                return info;
            }
            Thread.sleep(10);
        }
        throw new AssertionError("the task does not end: " + answer);
    }

    HttpResponse<byte[]> get(String path, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(root.resolve(path)).timeout(LIMIT);
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    /** The first text of an element. */
    static String value(String xml, String element) {
        Matcher matcher = Pattern.compile("<" + element + "[^>]*>([^<]*)<").matcher(xml);
        if (!matcher.find()) {
            throw new AssertionError("no " + element + " in " + xml);
        }
        return matcher.group(1);
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
