package io.migratekit.cli;

import com.google.gson.JsonObject;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** How are a hub's jobs told? */
final class HubJobs {
    private static final Set<String> LIVE = Set.of("queued", "given", "running", "ended");

    private HubJobs() {}

    static boolean isLive(JsonObject job) {
        return LIVE.contains(HubText.text(job, "state"));
    }

    static void print(PrintStream out, List<JsonObject> jobs) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("JOB", "VM", "STATE", "ASKED", "BY", "AGENT", "TRY"));
        for (JsonObject job : jobs) {
            rows.add(List.of(
                    HubText.text(job, "id"),
                    Printable.of(HubText.text(job, "vmName")),
                    state(job),
                    HubText.time(job, "askedAt"),
                    Printable.of(HubText.text(job, "askedBy")),
                    job.has("agent") ? HubText.text(job, "agent") : "-",
                    HubText.text(job, "attempt")));
        }
        Columns.print(out, rows);
    }

    private static String state(JsonObject job) {
        String state = HubText.text(job, "state");
        return state.equals("failed") ? "FAILED " + HubText.text(job, "code") : state;
    }

    /** One job in one line, with why it stands where it stands. */
    static String line(JsonObject job) {
        String why = why(job);
        return HubText.text(job, "id") + " " + state(job) + (why.isEmpty() ? "" : ": " + why);
    }

    /** What it waits for, or how it ended. */
    static String why(JsonObject job) {
        if (job.has("waitsFor")) {
            return "waits: " + Printable.of(HubText.text(job, "waitsFor"));
        }
        // What is said last by one that was stopped is how it goes on, which it does not: what it has written is gone.
        if (HubText.text(job, "state").equals("cancelled")) {
            return "";
        }
        return job.has("said") ? Printable.of(HubText.text(job, "said")) : "";
    }
}
