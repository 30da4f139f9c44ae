package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.TRACE;

import com.jcraft.jsch.Logger;

/** Where does jsch's chatter go? To the finest level only, for it repeats what our own lines say better. */
final class JschLog implements Logger {
    private static final System.Logger LOG = System.getLogger("io.migratekit.tunnel.jsch");

    private final String link;

    JschLog(String link) {
        this.link = link;
    }

    @Override
    public boolean isEnabled(int level) {
        return LOG.isLoggable(TRACE);
    }

    @Override
    public void log(int level, String message) {
        LOG.log(TRACE, () -> "link=" + link + " jsch: " + message);
    }
}
