package io.migratekit.agent.copy;

import io.migratekit.nbd.server.Nbdkit;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** How does a server do something that no filter of nbdkit does? By a line of shell for each kind of request. */
final class Scripted {
    /** In a script, {@code $3} is how many bytes, {@code $4} from which offset on. */
    static final String READ = "dd if=$FILE skip=$4 count=$3 iflag=skip_bytes,count_bytes bs=256K status=none";

    static final String WRITE = "dd of=$FILE seek=$4 oflag=seek_bytes conv=notrunc bs=256K iflag=fullblock status=none";

    static final String ZERO =
            "dd if=/dev/zero count=$3 iflag=count_bytes of=$FILE seek=$4 oflag=seek_bytes conv=notrunc bs=256K status=none";

    private Scripted() {}

    /** Serves a file; the scripts ({@code pread=...}) take the place of what would be done otherwise. */
    static Nbdkit.Builder serving(Path file, String... scripts) {
        Map<String, String> all = new TreeMap<>(Map.of(
                "get_size", "stat -c %s $FILE",
                "pread", READ,
                "pwrite", WRITE,
                "can_write", "exit 0",
                "can_multi_conn", "exit 0",
                "can_flush", "exit 0",
                "flush", "exit 0",
                "thread_model", "echo parallel"));
        for (String script : scripts) {
            all.put(script.substring(0, script.indexOf('=')), script.substring(script.indexOf('=') + 1));
        }
        Nbdkit.Builder server = Nbdkit.plugin("eval").environment("FILE", file.toString());
        all.forEach((what, script) -> server.parameter(what + "=" + script));
        return server;
    }
}
