package io.migratekit.nbd.server;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.File;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What ends a server that hangs, when this JVM has been killed? The kernel asks it to end (SIGTERM), but nbdkit then
 * waits for its plugin, and sets that signal itself, so that no other one can be chosen beforehand. A little shell
 * outlives us: our end closes its input, and a moment later it kills the server if that is still the same process.
 */
final class Guard implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Guard.class.getName());
    /** What a healthy server gets for taking leave of the storage behind it. */
    private static final Duration GRACE = Duration.ofSeconds(3);

    /** The 22nd field of a process's stat, the 20th behind its name, is its start: it tells a process from a later one. */
    private static final String SCRIPT = """
            started() { read -r line < "/proc/$1/stat" && set -- ${line##*)} && echo "${20}"; }
            exec 2> /dev/null
            was=$(started "$1")
            while read -r _; do :; done
            sleep "$2"
            [ -n "$was" ] && [ "$(started "$1")" = "$was" ] && kill -9 "$1"
            """;

    private final @Nullable Process shell;

    private Guard(@Nullable Process shell) {
        this.shell = shell;
    }

    /** Guards this process from now on. Without a shell nobody does: the server is served all the same. */
    static Guard over(Process server) {
        try {
            ProcessBuilder builder = new ProcessBuilder(
                            "/bin/sh",
                            "-c",
                            SCRIPT,
                            "migratekit-guard",
                            Long.toString(server.pid()),
                            Long.toString(GRACE.toSeconds()))
                    .redirectOutput(new File("/dev/null"))
                    .redirectError(new File("/dev/null"));
            ServerProcess.makeBare(builder); // Our variables may hold a password, and it lives as long as the server.
            return new Guard(builder.start());
        } catch (IOException e) {
            LOG.log(DEBUG, () -> "no guard over pid=" + server.pid() + ": " + e.getMessage());
            return new Guard(null);
        }
    }

    /** No guard for a server that ends when it is asked to. */
    static Guard none() {
        return new Guard(null);
    }

    /** Sends the guard away without any consequence for the server. */
    @Override
    public void close() {
        if (shell != null) {
            shell.destroyForcibly(); // Before its input closes, which it would take for our end.
        }
    }
}
