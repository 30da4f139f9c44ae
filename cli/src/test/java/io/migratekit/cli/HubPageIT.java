package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.SshForward;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Does the hub's page show what the hub keeps, to whoever may see it and however he looks? A real hub in a real browser. */
@SuppressWarnings("NullAway.Init") // Before all tests.
@EnabledIf("io.migratekit.cli.Browser#isThere")
class HubPageIT {
    private static final long MIB = 1 << 20;
    private static final Duration SOON = Duration.ofSeconds(15);
    private static final long SEED = Long.getLong("migratekit.seed", System.nanoTime());
    /** As a name of a VM, of a disk, and of whatever else somebody may name. */
    private static final String HOSTILE =
            "<img src=x onerror=\"window.owned=1\">&lt;script&gt;window.owned=2</script>${1}'\"";

    private static final int MANY = 105;
    /** What a screen reader says of each of these begins with a name. */
    private static final Set<String> NAMED = Set.of(
            "button",
            "textbox",
            "searchbox",
            "checkbox",
            "image",
            "img",
            "progressbar",
            "table",
            "region",
            "link",
            "heading",
            "search",
            "columnheader",
            "rowheader",
            "DisclosureTriangle");

    @TempDir
    private static Path folder;

    private static final Random random = new Random(SEED);
    private static HubLab lab;
    private static Browser browser;
    private static String token;
    private static String base;

    @BeforeAll
    static void serve() throws Exception {
        System.out.println("hub page: seed=" + SEED);
        lab = new HubLab(folder, 12 * MIB, 3 * MIB);
        base = lab.hub().url() + "/";
        token = token("admin");
        lab.source().guestWrites(random, 10);
        lab.backUpWell("first");
        lab.source().guestWrites(random, 4);
        lab.backUpWell("second");
        for (int i = 0; i < MANY; i++) {
            ask("PUT", "api/v1/vms/many-" + i, "{\"name\":\"many-" + i + "\",\"disks\":[]}");
        }
        JsonObject disk = new JsonObject();
        disk.addProperty("key", 2000);
        disk.addProperty("capacityBytes", MIB);
        disk.addProperty("label", HOSTILE);
        JsonObject start = JsonParser.parseString("{\"id\":\"long-ago\",\"vm\":\"hostile\"}")
                .getAsJsonObject();
        start.addProperty("name", HOSTILE);
        start.add("disks", JsonParser.parseString("[" + disk + "]"));
        ask("POST", "api/v1/backups", start.toString());
        ask(
                "POST",
                "api/v1/backups/long-ago/seal",
                "{\"takenAt\":\"2020-01-01T00:00:00Z\",\"disks\":[{\"key\":2000}]}");
        browser = Browser.start(folder);
    }

    private static String token(String name, String... more) {
        List<String> words = new ArrayList<>(List.of("hub", "token", "add", name));
        words.addAll(List.of("--repository", lab.hub().repository().toString()));
        words.addAll(List.of(more));
        Run run = Run.migratekit(words.toArray(String[]::new));
        assertEquals(0, run.code(), run::toString);
        return run.out().strip();
    }

    private static JsonObject ask(String method, String path, String content) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(base + path))
                .timeout(SOON)
                .header("Authorization", "Bearer " + token)
                .method(method, HttpRequest.BodyPublishers.ofString(content))
                .build();
        try (HttpClient client = HttpClient.newHttpClient()) {
            var answer = client.send(request, BodyHandlers.ofString());
            assertTrue(answer.statusCode() < 300, method + " " + path + ": " + answer.body());
            return answer.body().isEmpty()
                    ? new JsonObject()
                    : JsonParser.parseString(answer.body()).getAsJsonObject();
        }
    }

    @AfterAll
    static void stop() {
        browser.close();
        lab.close();
    }

    /** Whatever was shown: nothing went wrong, nothing was asked of anybody else, and no name became markup. */
    @AfterEach
    void nothingWentWrong() {
        assertEquals(List.of(), browser.errors());
        for (String url : browser.requests()) {
            assertTrue(url.startsWith(base) || url.startsWith("http://localhost:"), url);
            assertFalse(url.contains("mkh_"), url);
        }
        assertEquals(JsonNull.INSTANCE, browser.js("window.owned ?? null"));
        assertEquals(
                0,
                browser.js("document.querySelectorAll('img, main script, iframe').length")
                        .getAsInt());
    }

    /** The page with its data, in a tab that has the token. */
    private static void open(int width) {
        browser.size(width, 900);
        browser.go(base);
        browser.until(
                "the page is there", SOON, "document.readyState === 'complete' && document.querySelector('#door')");
        browser.until(
                "data or the door",
                SOON,
                "document.querySelector('tr.opened, #vm-table > tbody, #door:not([hidden])')");
        if (browser.js("!document.querySelector('#door').hidden").getAsBoolean()) {
            browser.type(token);
            browser.key("Enter");
        }
        browser.until("the VMs are there", SOON, "document.querySelectorAll('#vm-table > tbody').length > 2");
    }

    private static void openVm(String name) {
        browser.js("document.querySelector('#filter').focus()");
        browser.type(name);
        browser.js(button(name) + ".click()");
        browser.until("the VM is open", SOON, "document.querySelector('.opened figure svg')");
    }

    private static String button(String name) {
        return "[...document.querySelectorAll('.name button')].find(one => one.textContent === " + quoted(name) + ")";
    }

    private static String quoted(String text) {
        return new com.google.gson.Gson().toJson(text);
    }

    private static String shown(String selector) {
        return browser.js("[...document.querySelectorAll('" + selector + "')].map(one => one.innerText).join('\\n')")
                .getAsString();
    }

    private static void has(String text, String... words) {
        for (String word : words) {
            assertTrue(text.contains(word), () -> "no '" + word + "' in: " + text);
        }
    }

    @Test
    void whatIsKeptIsShown() throws Exception {
        String web = ask("GET", "api/v1/backups/first", "").get("vm").getAsString();
        ask("POST", "api/v1/vms/" + web + "/verify", "");
        open(1200);
        JsonObject status = ask("GET", "api/v1/status", "");
        has(
                shown("#glance"),
                "Alarms",
                "⚠ 1",
                "Virtual machines",
                Integer.toString(MANY + 2),
                "2 with a good restore point");
        has(
                shown("#glance"),
                "Free space",
                " % of " + gib(status.get("totalBytes").getAsLong()));
        has(shown("#alarms"), "has no good restore point since", HOSTILE);
        has(shown("#running-none"), "No backup is being written");

        openVm("web01");
        has(shown(".opened .facts"), web, "Restore points");
        List<String> points = rows(".opened > td > div > div:nth-of-type(1) tbody tr");
        has(points.get(points.size() - 2), "second", "✓ complete", "incremental");
        has(points.getLast(), "first", "✓ complete", "full", " ago)");
        assertFalse(points.getLast().contains("at its seal"), "the proof has a time: " + points);
        String picture = browser.js("document.querySelector('.opened figure svg').getAttribute('aria-label')")
                .getAsString();
        has(picture, "layers, oldest first", "0001: everything", "restore point first", "0002: changes since 0001");
        mapIsShown();
    }

    private static void mapIsShown() throws Exception {
        int key = lab.keys().getFirst();
        JsonObject map = ask("GET", "api/v1/backups/second/disks/" + key + "/map", "");
        long held = map.getAsJsonArray("dataBytes").asList().stream()
                .mapToLong(JsonElement::getAsLong)
                .sum();
        assertTrue(held > 0 && held < 12 * MIB, map::toString);
        browser.js("[...document.querySelectorAll('.opened .scroll button')]"
                + ".find(one => one.innerText.includes('of layer 0002')).click()");
        browser.until("the map is there", SOON, "document.querySelector('.opened figcaption')");
        String label = browser.js("document.querySelector('.opened figcaption').parentElement.querySelector('svg')"
                        + ".getAttribute('aria-label')")
                .getAsString();
        has(label, "Layer 0002 holds", " of a disk of 12 MiB. The data lie in");
        assertEquals(
                map.getAsJsonArray("dataBytes").asList().stream()
                        .filter(part -> part.getAsLong() > 0)
                        .count(),
                browser.js("document.querySelectorAll('.opened figure .cell-data:not(.legend *)').length")
                        .getAsLong());
    }

    private static List<String> rows(String selector) {
        return browser
                .js("[...document.querySelectorAll('" + selector + "')].map(one => one.innerText)")
                .getAsJsonArray()
                .asList()
                .stream()
                .map(JsonElement::getAsString)
                .toList();
    }

    private static String gib(long bytes) {
        double gib = bytes / (double) (1 << 30);
        return gib >= 100 ? Math.round(gib) + " GiB" : "%.1f GiB".formatted(gib);
    }

    @Test
    void aBackupUnderWayIsShownAsItGoesAndWhenItHangs() {
        open(1200);
        openVm("web01");
        browser.js("window.kept = document.querySelector('.opened')");
        lab.source().guestWrites(random, 40);
        try (CopyProcess agent = lab.start("third", "--full", "--rate", "600K", "--stall-after", "2s")) {
            browser.until("its card is there", SOON, "document.querySelector('#running article')");
            browser.until(
                    "its rate is there",
                    SOON,
                    "/^[1-9][0-9.]* [KM]iB\\/s$/.test(document.querySelector('#running strong')?.innerText)");
            has(shown("#running article"), "web01", "third", "full", "2 disks", "Now", "Heard");
            double before = browser.js("document.querySelector('#running progress').value")
                    .getAsDouble();
            browser.until("it goes on", SOON, "document.querySelector('#running progress').value > " + before);
            try (Frozen _ = Frozen.processes(lab.hub().exports())) {
                browser.until(
                        "what it waits for is said",
                        SOON,
                        "/⚠ S(low|talled): ./.test(document.querySelector('#running')?.innerText)");
                has(shown("#running article"), "Look at");
            }
            lab.source().ask("rate", "third", "0");
            Run run = agent.end(MigrateLab.LIMIT);
            assertEquals(0, run.code(), run::toString);
            lab.remember("third");
        }
        browser.until(
                "it is a restore point",
                SOON,
                "document.querySelector('.opened').innerText.includes('third')"
                        + " && !document.querySelector('#running article')");
        assertTrue(browser.js("window.kept.isConnected").getAsBoolean(), "the open VM was not made anew");
        has(shown("#running-none"), "No backup");
        has(
                browser.js("document.querySelector('#news').textContent").getAsString(),
                "web01",
                "not being written any more");
    }

    @Test
    void theTokenIsAskedForAndKeptForTheTab() {
        open(1200);
        browser.js("document.querySelector('#leave').click()");
        browser.until("the door", SOON, "document.activeElement.id === 'token'");
        assertEquals(
                "",
                shown("#vm-table > tbody, #running, #glance, #alarms").strip(),
                "without a token nothing is seen any more");
        for (String wrong : List.of("mkh_wrong", "ünfit")) {
            browser.type(wrong);
            browser.key("Enter");
            browser.until(
                    "it is refused",
                    SOON,
                    "document.querySelector('#door-problem').textContent.includes('does not know this token')"
                            + " && document.querySelector('#token').value === ''");
            assertEquals("", browser.js("sessionStorage.length ? 'kept' : ''").getAsString());
            browser.js("document.querySelector('#door-problem').textContent = ''");
        }
        browser.type(token);
        browser.key("Enter");
        browser.until("the VMs are there", SOON, "document.querySelectorAll('#vm-table > tbody').length > 2");
        browser.go(base);
        browser.until("it is kept", SOON, "document.querySelectorAll('#vm-table > tbody').length > 2");
        assertEquals(base, browser.js("location.href").getAsString());
        assertEquals(
                0, browser.js("localStorage.length + document.cookie.length").getAsInt());
    }

    /** An agent's token is for its own VMs, here as everywhere. */
    @Test
    void anAgentSeesItsOwn() {
        String agent = token("one-vm", "--vm", "many-7");
        open(1200);
        browser.js("sessionStorage.setItem('migratekit-hub-token', " + quoted(agent) + ")");
        browser.go(base);
        browser.until("its VM alone", SOON, "document.querySelectorAll('#vm-table > tbody').length === 1");
        has(shown("#vm-table"), "many-7");
        browser.js("sessionStorage.clear()");
    }

    @Test
    void theKeyboardIsEnoughAndTheFocusStays() throws Exception {
        open(1200);
        press("Tab", "document.activeElement.id === 'filter'");
        browser.type("web01");
        press("Tab", "document.activeElement.textContent === 'web01'");
        browser.key("Enter");
        browser.until("it is open", SOON, "document.querySelector('.opened figure svg')");
        assertEquals("true", browser.js("document.activeElement.ariaExpanded").getAsString());
        press("Tab", "document.activeElement.innerText.startsWith('Map')");
        browser.key("Enter");
        browser.until("the map is there", SOON, "document.querySelector('.opened figcaption')");
        browser.js("window.mine = document.activeElement");
        // Something changes, so that all is asked for anew, and drawn.
        String disks = "[{\"key\":2000,\"capacityBytes\":1048576}]";
        ask("POST", "api/v1/backups", "{\"id\":\"passing\",\"vm\":\"many-1\",\"disks\":" + disks + "}");
        browser.until("it has begun", SOON, "document.querySelector('#running article')");
        ask("POST", "api/v1/backups/passing/abandon", "");
        browser.until("it has ended", SOON, "!document.querySelector('#running article')");
        assertTrue(browser.js("document.activeElement === window.mine && window.mine.isConnected")
                .getAsBoolean());
        assertEquals("true", browser.js("document.activeElement.ariaPressed").getAsString());
        browser.key(" ");
        browser.until("the map is gone", SOON, "!document.querySelector('.opened figcaption')");
        assertTrue(browser.js("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
                .getAsBoolean());
    }

    private static void press(String key, String until) {
        for (int i = 0; i < 40; i++) {
            browser.key(key);
            if (browser.js("Boolean(" + until + ")").getAsBoolean()) {
                return;
            }
        }
        throw new AssertionError("40 times " + key + " and not " + until + ", but at "
                + browser.js("document.activeElement.outerHTML.slice(0, 200)"));
    }

    @Test
    void ears() {
        open(1200);
        openVm("web01");
        browser.js("document.querySelector('.opened .scroll button').click()");
        browser.until("the map is there", SOON, "document.querySelector('.opened figcaption')");
        List<String> nameless = new ArrayList<>();
        List<String> roles = new ArrayList<>();
        for (JsonObject node : browser.accessible()) {
            String role = node.getAsJsonObject("role").get("value").getAsString();
            JsonObject name = node.getAsJsonObject("name");
            roles.add(role);
            if (NAMED.contains(role)
                    && (name == null || name.get("value").getAsString().isBlank())) {
                nameless.add(node.toString());
            }
        }
        assertEquals(List.of(), nameless);
        for (String role :
                List.of("image", "table", "region", "searchbox", "checkbox", "button", "status", "columnheader")) {
            assertTrue(roles.contains(role), role + " is not among " + Set.copyOf(roles));
        }
    }

    @Test
    void aPhoneNeedsNoSidewaysScrolling() {
        for (String scheme : List.of("light", "dark")) {
            browser.scheme(scheme);
            open(360);
            openVm("web01");
            browser.js("document.querySelector('.opened .scroll button').click()");
            browser.until("the map is there", SOON, "document.querySelector('.opened figcaption')");
            assertEquals(360, browser.js("document.documentElement.scrollWidth").getAsInt(), scheme);
            String ground = browser.js("getComputedStyle(document.body).backgroundColor")
                    .getAsString();
            assertEquals(scheme.equals("light") ? "rgb(245, 246, 248)" : "rgb(17, 21, 27)", ground);
        }
        openHostile();
        assertEquals(360, browser.js("document.documentElement.scrollWidth").getAsInt());
        browser.scheme("light");
    }

    private static void openHostile() {
        browser.js("document.querySelector('#filter').value = ''");
        openVm(HOSTILE);
    }

    @Test
    void namesAreTextAndManyVmsAreNotDrawnAtOnce() {
        open(1200);
        int drawn = browser.js("document.querySelectorAll('#vm-table > tbody').length")
                .getAsInt();
        assertEquals(100, drawn);
        has(shown("#vm-count"), "The first 100 of " + (MANY + 2) + " VMs");
        browser.js("document.querySelector('#more').click()");
        assertEquals(
                MANY + 2,
                browser.js("document.querySelectorAll('#vm-table > tbody').length")
                        .getAsInt());
        openVm(HOSTILE);
        has(shown("#vm-count"), "1 VM of " + (MANY + 2));
        has(shown(".opened"), HOSTILE, "long-ago");
        browser.js("document.querySelector('#filter').value = ''; document.querySelector('#only-alarms').click()");
        assertEquals(
                1,
                browser.js("document.querySelectorAll('#vm-table > tbody').length")
                        .getAsInt());
    }

    /** An agent may say of itself what it likes; the hub hands it on. */
    @Test
    void whateverAnAgentSaysOfItselfIsText() throws Exception {
        open(1200);
        String disks = "[{\"key\":2000,\"capacityBytes\":1048576}]";
        ask("POST", "api/v1/backups", "{\"id\":\"odd\",\"vm\":\"hostile\",\"disks\":" + disks + "}");
        for (String odd : List.of(
                "{\"progress\":{\"plannedBytes\":\"x\",\"doneBytes\":-1,\"bytesPerSecond\":1e400,\"eta\":[]},\"why\":{}}",
                "{\"progress\":7,\"motion\":\"__proto__\",\"workers\":[1,null,{\"connections\":7,\"stage\":[]}]}",
                "{\"wait\":\"x\",\"motion\":\"stalled\",\"why\":" + quoted(HOSTILE) + "}",
                "{\"wait\":{\"what\":" + quoted(HOSTILE) + ",\"since\":\"2026-01-01T00:00:00Z\"}}")) {
            JsonObject before = ask("GET", "api/v1/status", "");
            ask("POST", "api/v1/backups/odd/heartbeat", "{\"progress\":" + odd + "}");
            assertFalse(before.isEmpty());
        }
        browser.until(
                "the last one is shown", SOON, "document.querySelector('#running')?.innerText.includes('Waits for ')");
        has(shown("#running article"), "Waits for " + HOSTILE);
        assertTrue(browser.js("document.querySelector('#troubles').hidden").getAsBoolean());
        ask("POST", "api/v1/backups/odd/abandon", "");
    }

    @Test
    void aHubThatFreezesIsSaidToAndComesBack() throws Exception {
        open(1200);
        int asked = asked();
        try (Frozen _ = Frozen.process(lab.hub().process().pid())) {
            browser.until("it is said", Duration.ofSeconds(12), "!document.querySelector('#troubles').hidden");
            has(shown("#troubles"), "No answer from the hub since ", "no answer within 5 s");
            has(shown("#freshness"), "State of ");
            assertTrue(shown("#vm-table").contains("many-1"), "what was known is still shown");
            assertTrue(asked() - asked <= 3, "requests pile up: " + (asked() - asked));
            has(browser.js("document.querySelector('#news').textContent").getAsString(), "No answer from the hub");
        }
        browser.until("it is back", Duration.ofSeconds(12), "document.querySelector('#troubles').hidden");
        has(browser.js("document.querySelector('#news').textContent").getAsString(), "answers again");
        has(shown("#freshness"), "Up to date");
        nobodyLooks();
    }

    /** The browser says that the page is hidden, or its reader came back. */
    private static void nobodyLooks() throws InterruptedException {
        String say = "; document.dispatchEvent(new Event('visibilitychange'))";
        browser.js("Object.defineProperty(document, 'hidden', {value: true, configurable: true})" + say);
        browser.until("the last answer", SOON, "true");
        Thread.sleep(500);
        int before = asked();
        Thread.sleep(3500);
        assertEquals(before, asked());
        browser.js("delete document.hidden" + say);
        browser.until("it looks again", Duration.ofSeconds(2), "performance.getEntriesByType('resource').length > 0");
        io.migratekit.nbd.fixture.Waiting.until("it is asked again", Duration.ofSeconds(2), () -> asked() > before);
    }

    private static int asked() {
        return (int) browser.requests().stream()
                .filter(url -> url.endsWith("/api/v1/status"))
                .count();
    }

    /** Forwarded to the hub's own socket, whoever is let in there needs no token; a name of somebody else's is not let in. */
    @Test
    void overTheSocketNoTokenIsAskedFor() throws IOException {
        try (LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectories(folder.resolve("sshd")));
                SshForward forward = sshd.forwardToSocket(lab.hub().socket())) {
            browser.size(1200, 900);
            browser.go("http://localhost:" + forward.port() + "/");
            browser.until("the VMs are there", SOON, "document.querySelectorAll('#vm-table > tbody').length > 2");
            assertTrue(browser.js("document.querySelector('#door').hidden").getAsBoolean());
            assertTrue(browser.js("document.querySelector('#leave').hidden").getAsBoolean());
        }
    }
}
