package io.migratekit.cli;

import com.google.gson.JsonElement;
import io.migratekit.cli.MatrixFault.Cure;
import io.migratekit.cli.MatrixFault.Expected;
import io.migratekit.cli.MatrixFault.When;
import io.migratekit.nbd.fixture.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What came of one fault on one road? Breaks it, listens, looks at the hub, mends it, and lets the same command end. */
final class MatrixCell {
    private static final String JOB = "cell";
    private static final Pattern STALLED = Pattern.compile("stalled in ([a-z-]+)");
    private static final Duration MOMENT = Duration.ofSeconds(4);

    private final MatrixLab lab;
    private final MatrixFault fault;
    private final Expected expected;
    private final List<String> wrong = new ArrayList<>();
    private long struckNanos;
    private @Nullable Duration said;

    /**
     * What was seen.
     *
     * @param after from the fault until it was said, or until the end
     * @param data what became of the data
     * @param wrongLayer another layer than the broken one was named, or a control gave an alarm
     * @param wrong all that was not as it has to be
     */
    record Result(
            MatrixFault fault,
            MatrixLab.Road road,
            int code,
            String named,
            Duration after,
            String data,
            boolean wrongLayer,
            boolean late,
            List<String> wrong,
            String err) {}

    private MatrixCell(MatrixLab lab, MatrixFault fault, Expected expected) {
        this.lab = lab;
        this.fault = fault;
        this.expected = expected;
    }

    static Result run(Path folder, MatrixFault fault, MatrixLab.Road road, Random random) throws Exception {
        try (MatrixLab lab = new MatrixLab(folder, fault, road, random)) {
            return new MatrixCell(lab, fault, Objects.requireNonNull(fault.expected(road))).run(road);
        }
    }

    private Result run(MatrixLab.Road road) throws Exception {
        if (fault.plan().previous()) {
            lab.startService();
            lab.awaitService();
            lab.backUpWell("previous");
            lab.lab().remember("previous");
            lab.guestWrites();
        }
        AutoCloseable cure;
        if (fault.when() == When.BEFORE) {
            cure = fault.what().strike(lab);
            if (!fault.plan().previous()) {
                lab.startService();
                lab.awaitServiceKnows();
            }
            struckNanos = System.nanoTime();
            begin();
        } else {
            if (!fault.plan().previous()) {
                lab.startService();
            }
            lab.awaitService();
            begin();
            lab.awaitCopying(JOB);
            struckNanos = System.nanoTime();
            cure = fault.what().strike(lab);
        }
        Run run;
        boolean cured = false;
        try {
            if (fault.plan().cure() == Cure.MEANWHILE) {
                listen();
                cure.close();
                cured = true;
                lab.source().ask("rate", JOB, "0");
            } else if (expected.code() == 0 && fault.when() == When.MIDWAY) {
                lab.source().ask("rate", JOB, "0");
            }
            run = end();
        } finally {
            if (!cured) {
                cure.close();
            }
        }
        Set<String> named = judge(run);
        String data = data(run);
        boolean late = Objects.requireNonNull(said).compareTo(expected.bound()) > 0;
        if (late) {
            wrong.add("said after " + said + " instead of " + expected.bound());
        }
        boolean wrongLayer = run.code() != expected.code() || !expected.layers().containsAll(named);
        return new Result(
                fault,
                road,
                run.code(),
                named.isEmpty() ? "" : String.join(", ", named),
                Objects.requireNonNull(said),
                data,
                wrongLayer,
                late,
                wrong,
                run.err());
    }

    private void begin() {
        lab.backUp(JOB, fault.plan().limits().toArray(String[]::new));
    }

    /** Until it was said; where nothing has to be said, a moment, in which the fault does its work. */
    private void listen() {
        if (expected.said().isEmpty()) {
            HubTrouble.sleep((int) MOMENT.toMillis());
        } else {
            Waiting.until("'" + expected.said() + "' is said", MatrixLab.LIMIT, () -> {
                hear();
                return said != null || !lab.agent().isAlive();
            });
            why();
        }
    }

    /** Whoever asks hears of the same layer. */
    private void why() {
        if (!expected.layers().isEmpty() && lab.agent().isAlive()) {
            Run why = lab.source().ask("why", JOB);
            boolean hasEnded = why.out().contains(", ended "); // And its process is about to.
            if (lab.agent().isAlive()
                    && !hasEnded
                    && expected.layers().stream().noneMatch(layer -> why.out().contains(layer))) {
                wrong.add("why names none of " + expected.layers() + ": " + why);
            }
        }
    }

    private void hear() {
        if (said == null
                && !expected.said().isEmpty()
                && Pattern.compile(expected.said()).matcher(lab.agent().err()).find()) {
            said = Duration.ofNanos(System.nanoTime() - struckNanos);
        }
    }

    private Run end() {
        boolean[] asked = new boolean[1];
        Waiting.until("the command has ended: " + lab.agent().err(), MatrixLab.LIMIT, () -> {
            hear();
            if (said != null && !asked[0]) {
                asked[0] = true;
                why();
            }
            return !lab.agent().isAlive();
        });
        Run run = lab.agent().end(Duration.ofSeconds(1));
        hear();
        if (said == null) {
            said = Duration.ofNanos(System.nanoTime() - struckNanos);
            if (!expected.said().isEmpty()) {
                wrong.add("'" + expected.said() + "' was not said");
            }
        }
        return run;
    }

    private Set<String> judge(Run run) {
        Set<String> named = new TreeSet<>();
        Matcher stalled = STALLED.matcher(run.err());
        while (stalled.find()) {
            named.add(stalled.group(1));
        }
        if (!expected.layers().containsAll(named)) {
            wrong.add("stalled in " + named + " instead of " + expected.layers());
        }
        if (!expected.layers().isEmpty() && named.isEmpty()) {
            wrong.add("none of " + expected.layers() + " is said to have stalled");
        }
        if (run.code() != expected.code()) {
            wrong.add("exit code " + run.code() + " instead of " + expected.code());
        }
        if (run.err().contains("unexpected failure") || run.err().contains("\tat ")) {
            wrong.add("a failure that nobody expected");
        }
        return named;
    }

    /** The point is equal, or there is none and the same command makes it. */
    private String data(Run run) {
        if (run.code() == 0) {
            compare();
            return "equal";
        }
        boolean sealed = !lab.isDirect() && isSealed();
        if (sealed) {
            // All is copied and proved, and only the snapshot is left; anything else may not be sealed.
            lab.lab().remember(JOB);
            lab.lab().assertAllPointsAreTrue();
            if (!expected.snapshot()) {
                wrong.add("sealed, although it failed");
            }
        }
        if (!expected.snapshot() && !lab.source().ours().isEmpty()) {
            wrong.add("our snapshot is left");
        }
        lab.guestWrites();
        lab.awaitService();
        lab.backUpWell(JOB);
        compare();
        return sealed ? "sealed, equal" : "resumed, equal";
    }

    private boolean isSealed() {
        return lab.lab().ask("list").getAsJsonArray("backups").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .anyMatch(backup -> backup.get("id").getAsString().equals(JOB)
                        && backup.get("state").getAsString().equals("sealed"));
    }

    private void compare() {
        if (lab.isDirect()) {
            lab.source().assertTargetsHold(lab.source().lastSnapshot());
        } else {
            lab.lab().remember(JOB);
            lab.lab().assertAllPointsAreTrue();
        }
        lab.source().assertNoSnapshotOfOurs();
    }
}
