package io.migratekit.agent.copy;

import java.nio.file.Path;

/** Copies between two URIs in a JVM of its own, and says how it went. */
final class HugeDisk {
    private HugeDisk() {}

    /** Words: a directory, source, target. */
    public static void main(String[] words) {
        try (CopyLab lab = new CopyLab(Path.of(words[0]))) {
            CopyReport report = lab.copyJob("huge", CopyLab.spec(words[1], words[2], CopyLimits.DEFAULT));
            System.out.println("warnings " + report.warnings());
            System.out.println("counts " + report.counts());
            System.out.println("seconds " + report.took().toSeconds());
        }
    }
}
