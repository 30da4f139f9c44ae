package io.migratekit.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * What should the JVM know before it starts? Runs the short commands once against the given server,
 * so that the build can keep what was loaded and linked for them in an AOT cache.
 */
public final class AotTraining {
    private AotTraining() {}

    public static void main(String[] args) {
        String uri = args[0];
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        String[][] lines = {
            {"map", uri},
            {"map", "--json", uri},
            {"map", "--totals", uri},
            {"map", "--bar", uri},
            {"map", "--width", "20", "--height", "4", uri},
            {"info", uri},
            {"info", "--json", "--list", uri},
            {"probe", uri},
            {"probe", "--json", uri},
            {"--help"},
            {"map", "--help"},
            {"--version"},
            {"help", "exit-codes"},
            {"map", "nbd://127.0.0.1:1/"},
            {"map", "not-a-uri"},
        };
        for (String[] line : lines) {
            Main.run(nowhere, nowhere, line);
        }
    }
}
