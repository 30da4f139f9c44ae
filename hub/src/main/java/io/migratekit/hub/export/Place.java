package io.migratekit.hub.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Where does one export listen, and how many connections are held there right now? The kernel's tables tell. */
sealed interface Place {
    /** A port of 127.0.0.1. */
    record Port(int port) implements Place {}

    /** A unix socket. */
    record Socket(Path path) implements Place {}

    /** Connections that the kernel has, greeted or not; -1 if it cannot be seen. */
    default int connections() {
        try {
            return switch (this) {
                case Port(int port) -> tcp(Files.readAllLines(Path.of("/proc/net/tcp")), port);
                case Socket(Path path) -> unix(Files.readAllLines(Path.of("/proc/net/unix")), path.toString());
            };
        } catch (IOException e) {
            return -1;
        }
    }

    /** Lines are "sl local_address rem_address st ..."; 01 is established, 08 one that only the other end has closed. */
    private static int tcp(List<String> lines, int port) {
        String local = ":" + "%04x".formatted(port).toUpperCase(Locale.ROOT);
        int held = 0;
        for (String line : lines) {
            String[] words = line.strip().split(" +", 5);
            if (words.length == 5 && words[1].endsWith(local) && (words[3].equals("01") || words[3].equals("08"))) {
                held++;
            }
        }
        return held;
    }

    /** Lines are "Num RefCount Protocol Flags Type St Inode Path"; 03 is connected, and it is our end that has the path. */
    private static int unix(List<String> lines, String path) {
        int held = 0;
        for (String line : lines) {
            String[] words = line.strip().split(" +", 8);
            if (words.length == 8 && words[5].equals("03") && words[7].equals(path)) {
                held++;
            }
        }
        return held;
    }
}
