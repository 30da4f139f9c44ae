package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * How does a hub get an agent's attention? By a port of its own loopback behind which the agent's tunnel has its reverse forward.
 * Nothing depends on it: an agent that cannot be called asks by itself, a little later.
 */
final class AgentCalls implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(AgentCalls.class.getName());
    /** For a connection, and for an answer; an agent may wait two seconds for what a job of its says. */
    private static final Duration LIMIT = Duration.ofSeconds(5);

    private static final String NO_ANSWER = "somebody listens there, but there is no answer within " + LIMIT.toSeconds()
            + " s; the agent is frozen, or its host's tunnel is";
    private static final Duration NOT_AGAIN_WITHIN = Duration.ofSeconds(5);
    private static final long LONGEST_ANSWER = 4 << 20;

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(LIMIT).build();
    /** Agents with a question that waits here for its answer, and how many of them. */
    private final Map<String, Integer> asking = new ConcurrentHashMap<>();

    private final Map<String, Long> calledNanos = new ConcurrentHashMap<>();
    private final Map<String, String> failures = new ConcurrentHashMap<>();

    /** It asks, so it needs no call. */
    void asks(String agent) {
        asking.merge(agent, 1, Integer::sum);
    }

    void asksNoMore(String agent) {
        asking.computeIfPresent(agent, (_, questions) -> questions == 1 ? null : questions - 1);
    }

    /** Whether it can be called, does not ask just now, and was not called in the last seconds. */
    boolean isDue(Agent agent) {
        Long called = calledNanos.get(agent.name());
        return agent.reached().isPresent()
                && !asking.containsKey(agent.name())
                && (called == null || System.nanoTime() - called > NOT_AGAIN_WITHIN.toNanos());
    }

    /** It is to ask now. What goes wrong is told once. */
    void wake(Agent agent) {
        calledNanos.put(agent.name(), System.nanoTime());
        try {
            call(agent, "POST", "/api/v1/wake");
            if (failures.remove(agent.name()) != null) {
                LOG.log(INFO, () -> "agent=" + agent.name() + " can be called again");
            }
        } catch (ControlException.Unreached e) {
            String said = String.valueOf(e.getMessage());
            if (!said.equals(failures.put(agent.name(), said))) {
                LOG.log(WARNING, () -> said + "; it is not called, and asks by itself");
            }
        }
    }

    /** What it answers to a question. */
    JsonObject ask(Agent agent, String path) {
        String content = call(agent, "GET", path);
        try {
            return JsonParser.parseString(content).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException e) {
            throw unreached(agent, "what answers there is no agent");
        }
    }

    private String call(Agent agent, String method, String path) {
        Agent.Reached at = agent.reached()
                .orElseThrow(() -> new ControlException.Conflict("agent " + agent.name()
                        + " cannot be called: it has no reverse forward (`agent serve --reached-at PORT`)"));
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + at.port() + path))
                .timeout(LIMIT)
                .header("Authorization", "Bearer " + at.token())
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();
        CompletableFuture<HttpResponse<String>> sent = client.sendAsync(
                request, HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofString(), LONGEST_ANSWER));
        try {
            HttpResponse<String> answer = sent.get(LIMIT.multipliedBy(2).toMillis(), TimeUnit.MILLISECONDS);
            return switch (answer.statusCode()) {
                case 200, 202 -> answer.body();
                case 404 -> throw new ControlException.NotFound("agent " + agent.name() + " knows of no such job");
                case 401, 403 -> throw unreached(agent, "another agent answers there, or this one was started anew");
                default -> throw unreached(agent, "the answer there has the status " + answer.statusCode());
            };
        } catch (ExecutionException e) {
            if (e.getCause() instanceof HttpTimeoutException) {
                throw unreached(agent, NO_ANSWER);
            }
            String said = e.getCause() == null ? null : e.getCause().getMessage();
            throw unreached(agent, said == null ? "nobody listens there; is the agent's tunnel up?" : said);
        } catch (TimeoutException e) {
            sent.cancel(true);
            throw unreached(agent, NO_ANSWER);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unreached(agent, "the hub is going down");
        }
    }

    private static ControlException.Unreached unreached(Agent agent, String why) {
        return new ControlException.Unreached("agent " + agent.name() + " is not reached at port "
                + agent.reached().map(Agent.Reached::port).orElse(0) + " of the hub: " + why);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
