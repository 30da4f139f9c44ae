package io.migratekit.vmware.sim;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/** Who is logged in? */
final class Sessions {
    static final String COOKIE = "vmware_soap_session";
    private static final int MOST = 500;

    private final Map<String, Long> lastUse = new HashMap<>();
    private Duration idle;

    Sessions(Duration idle) {
        this.idle = idle;
    }

    synchronized void idle(Duration limit) {
        idle = limit;
    }

    synchronized String open() {
        if (lastUse.size() >= MOST) {
            throw new SimFault("InvalidLogin", "Out of sessions: clients do not log out.").asException();
        }
        String id = UUID.randomUUID().toString().replace("-", "");
        lastUse.put(id, System.nanoTime());
        return id;
    }

    /** Whether it lives; then it has been used now. */
    synchronized boolean use(String id) {
        Long last = lastUse.get(id);
        if (last == null) {
            return false;
        }
        if (System.nanoTime() - last > idle.toNanos()) {
            lastUse.remove(id);
            return false;
        }
        lastUse.put(id, System.nanoTime());
        return true;
    }

    synchronized void end(String id) {
        lastUse.remove(id);
    }

    synchronized void endAll() {
        lastUse.clear();
    }

    synchronized int count() {
        return lastUse.size();
    }

    Node describe(String element, String id, String user) {
        return Node.object(
                element,
                "UserSession",
                Node.text("key", id),
                Node.text("userName", user),
                Node.text("fullName", user),
                Node.time("loginTime", Instant.now()),
                Node.time("lastActiveTime", Instant.now()),
                Node.text("locale", "en"),
                Node.text("messageLocale", "en"));
    }
}
