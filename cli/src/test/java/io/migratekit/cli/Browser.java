package io.migratekit.cli;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What does a page look like to who opens it? A real Chromium without a screen, driven over its DevTools protocol. */
final class Browser implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Map<String, Integer> KEYS =
            Map.of("Tab", 9, "Enter", 13, " ", 32, "Escape", 27, "ArrowDown", 40, "ArrowRight", 39);

    private final Process process;
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonObject>> asked = new ConcurrentHashMap<>();
    private final List<JsonObject> events = new CopyOnWriteArrayList<>();
    private final AtomicInteger ids = new AtomicInteger();
    private @Nullable String session;

    private Browser(Process process, String endpoint) {
        this.process = process;
        this.socket = within(HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .connectTimeout(SOON)
                .buildAsync(URI.create(endpoint), new Ear()));
    }

    /** Without it there is nothing to look with; bin/setup verify installs it, and bin/verify insists. */
    static boolean isThere() {
        return Stream.of(System.getenv("PATH").split(":", -1))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "chromium")));
    }

    /** Opens an empty page; what it keeps, it keeps in the folder. */
    static Browser start(Path folder) throws IOException {
        Path profile = Files.createDirectories(folder.resolve("chromium"));
        List<String> line = new ArrayList<>(List.of("chromium", "--headless=new", "--remote-debugging-port=0"));
        line.add("--user-data-dir=" + profile);
        // Nothing but the page is to be asked for, and no name of the world be resolved.
        line.addAll(List.of("--no-first-run", "--disable-background-networking", "--disable-component-update"));
        line.addAll(List.of("--disable-sync", "--disable-default-apps", "--disable-extensions", "--no-proxy-server"));
        line.addAll(List.of("--disable-gpu", "--disable-dev-shm-usage", "--lang=en-US"));
        line.add("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost");
        if (System.getProperty("user.name").equals("root")) {
            line.add("--no-sandbox"); // It refuses to run as root with it.
        }
        line.add("about:blank");
        Process process = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("chromium.log").toFile())
                .start();
        try {
            Path active = profile.resolve("DevToolsActivePort");
            Waiting.until("Chromium listens", SOON, () -> lines(active).size() > 1 || !process.isAlive());
            List<String> said = lines(active);
            if (said.size() < 2) {
                throw new AssertionError("Chromium ended: " + Files.readString(folder.resolve("chromium.log")));
            }
            Browser browser = new Browser(process, "ws://127.0.0.1:" + said.get(0) + said.get(1));
            browser.openPage();
            return browser;
        } catch (RuntimeException | Error e) {
            end(process);
            throw e;
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.exists(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void openPage() {
        String target = call("Target.createTarget", "{\"url\":\"about:blank\"}")
                .get("targetId")
                .getAsString();
        session = call("Target.attachToTarget", "{\"targetId\":\"" + target + "\",\"flatten\":true}")
                .get("sessionId")
                .getAsString();
        for (String domain : List.of("Page", "Runtime", "Network", "Log", "Accessibility", "Security")) {
            call(domain + ".enable", "{}");
        }
    }

    /** What comes over the socket: answers, and events. */
    private final class Ear implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                JsonObject message = JsonParser.parseString(text.toString()).getAsJsonObject();
                text.setLength(0);
                if (message.has("id")) {
                    Objects.requireNonNull(asked.remove(message.get("id").getAsInt()))
                            .complete(message);
                } else {
                    events.add(message);
                }
            }
            from.request(1);
            return null;
        }
    }

    JsonObject call(String method, String params) {
        return call(method, JsonParser.parseString(params).getAsJsonObject());
    }

    JsonObject call(String method, JsonObject params) {
        int id = ids.incrementAndGet();
        JsonObject message = new JsonObject();
        message.addProperty("id", id);
        message.addProperty("method", method);
        message.add("params", params);
        if (session != null) {
            message.addProperty("sessionId", session);
        }
        CompletableFuture<JsonObject> answer = new CompletableFuture<>();
        asked.put(id, answer);
        within(socket.sendText(message.toString(), true));
        JsonObject said = within(answer);
        if (said.has("error")) {
            throw new AssertionError(method + ": " + said.get("error"));
        }
        return said.getAsJsonObject("result");
    }

    private static <T> T within(CompletableFuture<T> future) {
        try {
            return future.get(SOON.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for Chromium", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("Chromium does not answer", e);
        }
    }

    void go(String url) {
        JsonObject params = new JsonObject();
        params.addProperty("url", url);
        call("Page.navigate", params);
    }

    /** The value of an expression in the page. */
    JsonElement js(String expression) {
        JsonObject params = new JsonObject();
        params.addProperty("expression", expression);
        params.addProperty("returnByValue", true);
        params.addProperty("awaitPromise", true);
        JsonObject result = call("Runtime.evaluate", params);
        if (result.has("exceptionDetails")) {
            throw new AssertionError(expression + ": " + result.get("exceptionDetails"));
        }
        JsonElement value = result.getAsJsonObject("result").get("value");
        return value == null ? com.google.gson.JsonNull.INSTANCE : value;
    }

    /** Waits until an expression is true. */
    void until(String what, Duration limit, String expression) {
        try {
            Waiting.until(what, limit, () -> js("Boolean(" + expression + ")").getAsBoolean());
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "; the page: " + text() + "; its errors: " + errors(), e);
        }
    }

    /** What the page says, as text. */
    String text() {
        return js("document.body?.innerText ?? ''").getAsString();
    }

    void key(String key) {
        String type = key.equals("Enter") || key.equals(" ") ? "keyDown" : "rawKeyDown";
        String fields = ",\"key\":\"" + key + "\",\"code\":\"" + (key.equals(" ") ? "Space" : key)
                + "\",\"windowsVirtualKeyCode\":" + KEYS.get(key)
                + (key.equals("Enter") ? ",\"text\":\"\\r\"" : key.equals(" ") ? ",\"text\":\" \"" : "") + "}";
        call("Input.dispatchKeyEvent", "{\"type\":\"" + type + "\"" + fields);
        call("Input.dispatchKeyEvent", "{\"type\":\"keyUp\"" + fields);
    }

    /** Types where the focus is. */
    void type(String text) {
        JsonObject params = new JsonObject();
        params.addProperty("text", text);
        call("Input.insertText", params);
    }

    void size(int width, int height) {
        call(
                "Emulation.setDeviceMetricsOverride",
                "{\"width\":" + width + ",\"height\":" + height + ",\"deviceScaleFactor\":1,\"mobile\":" + (width < 600)
                        + "}");
    }

    void scheme(String scheme) {
        call(
                "Emulation.setEmulatedMedia",
                "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"" + scheme + "\"}]}");
    }

    /** The whole page as a picture. */
    void shoot(Path file) throws IOException {
        String png = call("Page.captureScreenshot", "{\"captureBeyondViewport\":true}")
                .get("data")
                .getAsString();
        Files.write(file, Base64.getDecoder().decode(png));
    }

    /** What a screen reader gets: every node that is not passed over. */
    List<JsonObject> accessible() {
        return call("Accessibility.getFullAXTree", "{}").getAsJsonArray("nodes").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .filter(node -> !node.get("ignored").getAsBoolean())
                .toList();
    }

    private List<JsonObject> events(String method) {
        return events.stream()
                .filter(event -> event.get("method").getAsString().equals(method))
                .map(event -> event.getAsJsonObject("params"))
                .toList();
    }

    /** The addresses of all that was asked for. */
    List<String> requests() {
        return events("Network.requestWillBeSent").stream()
                .map(event -> event.getAsJsonObject("request").get("url").getAsString())
                .toList();
    }

    /** What went wrong in the page: exceptions, what it complains of, and what its policy forbade; but no failed requests. */
    List<String> errors() {
        List<String> all = new ArrayList<>();
        events("Runtime.exceptionThrown").forEach(event -> all.add(event.toString()));
        events("Runtime.consoleAPICalled").stream()
                .filter(event -> !event.get("type").getAsString().equals("log"))
                .forEach(event -> all.add(event.toString()));
        events("Log.entryAdded").stream()
                .map(event -> event.getAsJsonObject("entry"))
                .filter(entry -> !entry.get("source").getAsString().equals("network"))
                .forEach(entry -> all.add(entry.toString()));
        return all;
    }

    @Override
    public void close() {
        try {
            session = null;
            call("Browser.close", "{}");
        } catch (AssertionError e) {
            // It is ended by force below.
        }
        socket.abort();
        end(process);
    }

    private static void end(Process process) {
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                List<ProcessHandle> children = process.descendants().toList();
                process.destroyForcibly();
                children.forEach(ProcessHandle::destroyForcibly);
                process.waitFor(5, TimeUnit.SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
