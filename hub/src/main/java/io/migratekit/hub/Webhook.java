package io.migratekit.hub;

import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Where are alarms posted to? As JSON, twice more if nobody takes them.
 *
 * @param address http or https; what stands in it besides is not told to any log
 */
public record Webhook(URI address) {
    private static final System.Logger LOG = System.getLogger(Webhook.class.getName());
    private static final Duration LIMIT = Duration.ofSeconds(15);
    private static final int ATTEMPTS = 3;
    private static final Duration PAUSE = Duration.ofSeconds(20);

    public Webhook {
        String scheme = String.valueOf(address.getScheme());
        if (!(scheme.equals("http") || scheme.equals("https")) || address.getHost() == null) {
            throw new IllegalArgumentException("not an http or https address");
        }
    }

    /**
     * Posts it, for some two minutes at the most; true when it was taken, or given up.
     *
     * @param stop ends the attempts when it comes to nought
     */
    boolean post(JsonObject alarm, CountDownLatch stop) {
        String content = alarm.toString();
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(LIMIT).build()) {
            for (int i = 1; i <= ATTEMPTS; i++) {
                String failure = once(client, content);
                if (failure.isEmpty()) {
                    return true;
                }
                LOG.log(WARNING, "webhook=" + address.getHost() + " attempt=" + i + " failed: " + failure);
                if (i < ATTEMPTS && stop.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
                    return false;
                }
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private String once(HttpClient client, String content) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address)
                .timeout(LIMIT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(content))
                .build();
        CompletableFuture<HttpResponse<Void>> sent = client.sendAsync(request, HttpResponse.BodyHandlers.discarding());
        try {
            int status = sent.get(LIMIT.multipliedBy(2).toMillis(), TimeUnit.MILLISECONDS)
                    .statusCode();
            return status < 300 ? "" : "status " + status;
        } catch (ExecutionException | TimeoutException e) {
            sent.cancel(true);
            return String.valueOf(e.getCause() == null ? "no answer" : e.getCause());
        }
    }
}
