package io.migratekit.hub.repository;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What did a program say? Its first lines, and how many followed; it is heard to its end, however much it says. */
final class FirstLines {
    private static final int LINES = 3;
    private static final int LINE_CHARS = 300;
    private static final int BUFFER_CHARS = 8192;

    private final List<String> kept = new ArrayList<>();
    private final StringBuilder line = new StringBuilder();
    private long more;

    /** Comes back when nothing more will be said. */
    void hear(InputStream said) {
        try (Reader reader = new InputStreamReader(said, StandardCharsets.UTF_8)) {
            char[] buffer = new char[BUFFER_CHARS];
            for (int count = reader.read(buffer); count >= 0; count = reader.read(buffer)) {
                take(buffer, count);
            }
        } catch (IOException e) {
            // It was ended, and this its output with it.
        }
        endLine();
    }

    private synchronized void take(char[] buffer, int count) {
        for (int i = 0; i < count; i++) {
            if (buffer[i] == '\n') {
                endLine();
            } else if (line.length() < LINE_CHARS) {
                line.append(buffer[i]);
            }
        }
    }

    private synchronized void endLine() {
        String said = line.toString().strip();
        line.setLength(0);
        if (said.isEmpty()) {
            return;
        }
        // What decides what is made of it must not be lost behind the others.
        boolean isTelling = QemuImg.isInUse(said) || Disk.isFull(said);
        if (kept.size() < LINES || (isTelling && kept.size() < 2 * LINES)) {
            kept.add(said);
        } else {
            more++;
        }
    }

    @Override
    public synchronized String toString() {
        String first = String.join("\n", kept);
        return more == 0 ? first : first + "\nand " + more + (more == 1 ? " more line" : " more lines");
    }
}
