package io.migratekit.cli;

import io.migratekit.nbd.Durations;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What did the probe find? The steps as they were taken, then a verdict; text at once, JSON in the end. */
final class ProbeReport {
    /** What it all means. */
    record Verdict(Finding.Status status, String sentence, Optional<String> remedy, ExitCode code) {}

    private static final int NAME_COLUMNS = 18;

    private final PrintStream out;
    private final boolean json;
    private final String kind;
    private final String subject;
    private final List<Finding> steps = new ArrayList<>();

    /**
     * @param kind what the subject is called in JSON
     * @param subject what is looked at: the heading
     */
    ProbeReport(PrintStream out, boolean json, String kind, String subject) {
        this.out = out;
        this.json = json;
        this.kind = kind;
        this.subject = subject;
        if (!json) {
            out.println(subject);
            out.flush();
        }
    }

    void step(Finding step) {
        steps.add(step);
        if (!json) {
            out.println(step.line(NAME_COLUMNS, Durations.show(step.took())));
            // Whoever watches sees each step when it happens, which is the point of a pulse.
            out.flush();
        }
    }

    void verdict(Verdict verdict) {
        if (json) {
            out.println(json(verdict));
            return;
        }
        out.println("verdict: " + verdict.sentence());
        verdict.remedy().ifPresent(remedy -> out.println("remedy:  " + remedy));
    }

    private String json(Verdict verdict) {
        StringBuilder text = new StringBuilder("{\n");
        text.append(Json.quote(kind)).append(": ").append(Json.quote(subject)).append(",\n");
        text.append("\"verdict\": ").append(Json.quote(verdict.status().word())).append(",\n");
        text.append("\"exit-code\": ").append(verdict.code().code()).append(",\n");
        text.append("\"sentence\": ").append(Json.quote(verdict.sentence())).append(",\n");
        verdict.remedy()
                .ifPresent(remedy ->
                        text.append("\"remedy\": ").append(Json.quote(remedy)).append(",\n"));
        text.append("\"steps\": [\n");
        for (int i = 0; i < steps.size(); i++) {
            Finding step = steps.get(i);
            text.append("\t{ \"step\": ").append(Json.quote(step.step()));
            text.append(", \"status\": ").append(Json.quote(step.status().word()));
            text.append(", \"micros\": ").append(step.took().toNanos() / 1000);
            text.append(", \"detail\": ").append(Json.quote(step.detail()));
            text.append(i + 1 < steps.size() ? " },\n" : " }\n");
        }
        return text.append("]\n}").toString();
    }
}
