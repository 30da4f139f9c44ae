package io.migratekit.agent.serve;

import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.JobId;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * What can be asked of an agent directly? How it is, how a job is, and that it asks its hub now. What it has to do it hears from the
 * hub alone, so whoever gets in here can make it do nothing else. Reached by a hub through the reverse forward of a tunnel.
 */
final class AgentDoor implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(AgentDoor.class.getName());
    /** Its token, for people on this machine: new with each start. */
    private static final String TOKEN_FILE = "token";

    private static final int TOKEN_BYTES = 32;
    private static final int BACKLOG = 16;
    private static final String JOB = "/api/v1/jobs/";

    private final AgentService agent;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final String token;

    static {
        // The JDK's server reads these once: how long it waits for a request, and for its answer to be read, in
        // seconds.
        System.setProperty("sun.net.httpserver.maxReqTime", "10");
        System.setProperty("sun.net.httpserver.maxRspTime", "10");
        System.setProperty("jdk.httpserver.maxConnections", "64");
    }

    /** Listens from now on. */
    AgentDoor(InetSocketAddress at, Path folder, AgentService agent) throws IOException {
        this.agent = agent;
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        token = HexFormat.of().formatHex(random);
        server = HttpServer.create(at, BACKLOG);
        try {
            Path file = folder.resolve(TOKEN_FILE);
            SafeFiles.makeFolder(folder);
            SafeFiles.replace(file, (token + "\n").getBytes(StandardCharsets.US_ASCII), SafeFiles.Survives.CRASH);
            server.setExecutor(threads);
            server.createContext("/", this::answer);
            server.start();
            LOG.log(
                    System.Logger.Level.INFO,
                    () -> "agent listens at " + server.getAddress().getHostString() + ":"
                            + server.getAddress().getPort() + "; the token is in " + file);
        } catch (IOException | RuntimeException e) {
            server.stop(0);
            throw e;
        }
    }

    /** How a hub calls it. */
    JsonObject reached(int port) {
        JsonObject reached = new JsonObject();
        reached.addProperty("port", port);
        reached.addProperty("token", token);
        return reached;
    }

    private record Answer(int status, JsonObject content) {
        static Answer problem(int status, String detail) {
            JsonObject content = new JsonObject();
            content.addProperty("status", status);
            content.addProperty("detail", detail);
            return new Answer(status, content);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            Answer answer;
            try {
                answer = answer(
                        exchange.getRequestMethod(),
                        exchange.getRequestURI().getPath(),
                        Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")));
            } catch (RuntimeException e) {
                answer = Answer.problem(500, String.valueOf(e.getMessage()));
            }
            byte[] content = answer.content().toString().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.getResponseHeaders().set("Cache-Control", "no-store");
            exchange.sendResponseHeaders(answer.status(), content.length);
            exchange.getResponseBody().write(content);
        }
    }

    private Answer answer(String method, String path, Optional<String> authorization) {
        if (path.equals("/health") && method.equals("GET")) {
            boolean isWell = agent.isAlive();
            JsonObject health = new JsonObject();
            health.addProperty("status", isWell ? "ok" : "hangs");
            return new Answer(isWell ? 200 : 503, health);
        }
        if (authorization.filter(this::isOurs).isEmpty()) {
            return Answer.problem(401, "the token is missing or is not this agent's");
        }
        return switch (method + " " + path) {
            case "GET /api/v1/agent" -> new Answer(200, agent.view());
            case "POST /api/v1/wake" -> {
                agent.wake();
                yield new Answer(202, new JsonObject());
            }
            case "POST /api/v1/discover" -> {
                agent.wantDiscovery();
                yield new Answer(202, new JsonObject());
            }
            default ->
                method.equals("GET") && path.startsWith(JOB)
                        ? job(path.substring(JOB.length()))
                        : Answer.problem(404, "there is no " + method + " " + path);
        };
    }

    private Answer job(String id) {
        try {
            return agent.live(new JobId(id))
                    .map(live -> new Answer(200, live))
                    .orElseGet(() -> Answer.problem(404, "there is no job " + id));
        } catch (JobException e) {
            return Answer.problem(404, String.valueOf(e.getMessage()));
        }
    }

    private boolean isOurs(String authorization) {
        return MessageDigest.isEqual(
                ("Bearer " + token).getBytes(StandardCharsets.UTF_8), authorization.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        try {
            var _ = threads.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
