package io.migratekit.vmware;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** How does an ESXi host give its files? An HTTPS server on 127.0.0.1 with a folder, a login or a cookie, and Range. */
final class HttpsFolder implements AutoCloseable {
    private static final String KEY_WORD = "test";

    private final HttpsServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Path file;
    private final String query;
    private final String login;
    private final String cookie;
    final List<String> requests = new CopyOnWriteArrayList<>();

    /**
     * @param certificates a folder with server-cert.pem and server-key.pem
     * @param file what {@code /folder/...?query} gives
     */
    HttpsFolder(Path certificates, Path file, String pathAndQuery, String login, String cookie)
            throws IOException, GeneralSecurityException {
        this.file = file;
        this.query = pathAndQuery;
        this.login = "Basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
        this.cookie = cookie;
        server = HttpsServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context(certificates)));
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    static X509Certificate certificate(Path certificates) throws IOException, GeneralSecurityException {
        try (InputStream pem = Files.newInputStream(certificates.resolve("server-cert.pem"))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
    }

    private static SSLContext context(Path certificates) throws IOException, GeneralSecurityException {
        Path store = certificates.resolve("server.p12");
        Tool.run(
                "openssl",
                "pkcs12",
                "-export",
                "-in",
                certificates.resolve("server-cert.pem").toString(),
                "-inkey",
                certificates.resolve("server-key.pem").toString(),
                "-out",
                store.toString(),
                "-passout",
                "pass:" + KEY_WORD);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(KeyStore.getInstance(store.toFile(), KEY_WORD.toCharArray()), KEY_WORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
            List<String> cookies = exchange.getRequestHeaders().getOrDefault("Cookie", List.of());
            List<String> logins = exchange.getRequestHeaders().getOrDefault("Authorization", List.of());
            if (!cookies.contains(cookie) && !logins.contains(login)) {
                exchange.sendResponseHeaders(401, -1);
            } else if (!exchange.getRequestURI().toString().equals(query)) {
                exchange.sendResponseHeaders(404, -1);
            } else {
                give(exchange);
            }
        }
    }

    private void give(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().add("Accept-Ranges", "bytes");
        long size = Files.size(file);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().add("Content-Length", Long.toString(size));
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        String[] range = exchange.getRequestHeaders()
                .getFirst("Range")
                .replace("bytes=", "")
                .split("-", 2);
        long first = Long.parseLong(range[0]);
        byte[] part = new byte[Math.toIntExact(Math.min(size - 1, Long.parseLong(range[1])) - first + 1)];
        try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "r")) {
            opened.seek(first);
            opened.readFully(part);
        }
        exchange.sendResponseHeaders(206, part.length);
        exchange.getResponseBody().write(part);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
