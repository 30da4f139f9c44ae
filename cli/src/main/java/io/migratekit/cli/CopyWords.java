package io.migratekit.cli;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.watch.StallReport;
import org.jspecify.annotations.Nullable;

/** What has a copy of a disk to say while it runs? That it stands still, once a display is there to say it on. */
final class CopyWords implements CopyJob.Listener {
    private final String what;
    private volatile @Nullable ProgressDisplay shown;

    /** @param what is going on, as its sentences begin */
    CopyWords(String what) {
        this.what = what;
    }

    void on(ProgressDisplay display) {
        shown = display;
        ConsoleLog.to(display::say);
    }

    @Override
    public void stalled(StallReport report) {
        ProgressDisplay display = shown;
        if (report.news() && display != null) {
            display.say(what + ": " + report);
        }
    }

    @Override
    public int exitCode(RuntimeException failure) {
        return Console.codeOf(failure).code();
    }
}
