package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.cli.Finding.Status;
import io.migratekit.nbd.Durations;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How is told what {@code doctor} found? What is well in one line for all of it, what is not with its evidence and its
 * remedy.
 *
 * @param skipped parts that nothing names, in words
 * @param job what the record of the job says, if one was named
 */
record DoctorReport(List<Examiner.Result> results, List<String> skipped, Optional<String> job, Duration took) {
    private static final int NAME_COLUMNS = 20;

    /** The first failing check decides. */
    ExitCode code() {
        return results.stream()
                .map(Examiner.Result::finding)
                .filter(one -> one.status() == Status.FAIL)
                .map(Finding::code)
                .findFirst()
                .orElse(ExitCode.DONE);
    }

    private long count(Status status) {
        return results.stream().filter(one -> one.finding().status() == status).count();
    }

    private Status verdict() {
        return count(Status.FAIL) > 0 ? Status.FAIL : count(Status.WARN) > 0 ? Status.WARN : Status.OK;
    }

    /** @param everything also what is well, one line each */
    void print(PrintStream out, boolean everything) {
        if (everything) {
            String subject = "";
            for (Examiner.Result one : results) {
                if (!one.subject().equals(subject) && !one.subject().isEmpty()) {
                    out.println(Printable.of(one.subject()));
                }
                subject = one.subject();
                if (one.finding().status() == Status.OK) {
                    out.println(Printable.of(one.finding()
                            .line(NAME_COLUMNS, Durations.show(one.finding().took()))));
                }
            }
        }
        results.stream()
                .filter(one ->
                        one.finding().status() == Status.FAIL || one.finding().status() == Status.WARN)
                .forEach(one -> print(out, one));
        notAsked(out);
        out.println(Printable.of(sum()));
        if (!skipped.isEmpty()) {
            out.println("not looked at, since nothing names it: " + String.join(", ", skipped));
        }
        job.ifPresent(words -> {
            out.println();
            words.lines().map(Printable::of).forEach(out::println);
        });
    }

    private static void print(PrintStream out, Examiner.Result one) {
        Finding finding = one.finding();
        String where = one.subject().isEmpty() ? "" : " [" + one.subject() + "]";
        out.println(Printable.of(finding.status().word() + "  " + one.check().word() + where + ": "
                + one.check().question()));
        out.println(Printable.of("      " + evidence(finding)));
        finding.remedy().ifPresent(words -> out.println(Printable.of("      remedy: " + words)));
    }

    private static String evidence(Finding finding) {
        return finding.meaning().isEmpty() || finding.detail().isEmpty()
                ? finding.detail() + finding.meaning()
                : finding.meaning() + " (" + finding.detail() + ")";
    }

    private void notAsked(PrintStream out) {
        Map<String, List<String>> since = new LinkedHashMap<>();
        results.stream()
                .filter(one -> one.finding().status() == Status.NOT_ASKED)
                .forEach(one -> since.computeIfAbsent(one.finding().meaning(), _ -> new ArrayList<>())
                        .add(one.check().word()));
        since.forEach((cause, checks) -> out.println("not asked, since " + cause + ": "
                + String.join(", ", checks.stream().distinct().toList())));
    }

    private String sum() {
        long well = count(Status.OK);
        String time = " (" + Durations.show(took) + ")";
        return switch (verdict()) {
            case OK -> "all clear: " + well + " checks are well" + time;
            case WARN -> many(count(Status.WARN), "warning") + ", " + well + " checks are well" + time;
            default ->
                many(count(Status.FAIL), "check") + " failed, " + many(count(Status.WARN), "warning") + ", " + well
                        + " checks are well" + time + "; exit code " + code().code() + ": " + code().meaning();
        };
    }

    private static String many(long count, String what) {
        return count + " " + what + (count == 1 ? "" : "s");
    }

    JsonObject json() {
        JsonObject document = new JsonObject();
        document.addProperty("verdict", verdict().word());
        document.addProperty("exit-code", code().code());
        document.addProperty("micros", took.toNanos() / 1000);
        JsonArray checks = new JsonArray();
        results.forEach(one -> checks.add(json(one)));
        document.add("checks", checks);
        JsonArray left = new JsonArray();
        skipped.forEach(left::add);
        document.add("skipped", left);
        job.ifPresent(words -> document.addProperty("job", words));
        return document;
    }

    private static JsonObject json(Examiner.Result one) {
        JsonObject check = new JsonObject();
        check.addProperty("check", one.check().word());
        check.addProperty("part", one.check().part().words());
        if (!one.subject().isEmpty()) {
            check.addProperty("subject", one.subject());
        }
        check.addProperty("question", one.check().question());
        check.addProperty("status", one.finding().status().word());
        check.addProperty("micros", one.finding().took().toNanos() / 1000);
        check.addProperty("evidence", evidence(one.finding()));
        one.finding().remedy().ifPresent(words -> check.addProperty("remedy", words));
        if (one.finding().status() == Status.FAIL) {
            check.addProperty("exit-code", one.finding().code().code());
        }
        return check;
    }
}
