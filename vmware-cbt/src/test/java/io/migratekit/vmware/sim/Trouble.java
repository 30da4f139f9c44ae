package io.migratekit.vmware.sim;

import java.time.Duration;
import java.util.function.UnaryOperator;

/** What may go wrong with a call. Unless said otherwise, the call has its effect all the same. */
public sealed interface Trouble {
    /** Instead of doing anything. */
    record Fails(SimFault fault) implements Trouble {}

    /** All sessions are forgotten before the call is looked at. */
    record SessionLost() implements Trouble {}

    /** Every property that was asked for is in {@code missingSet} with this fault. */
    record Missing(SimFault fault) implements Trouble {}

    /** Instead of doing anything, such as 503. */
    record HttpStatus(int code, String body) implements Trouble {}

    record Delay(Duration howLong) implements Trouble {}

    /** Something else happens when the call has been read, and before anything comes of it. */
    record Meanwhile(Runnable what) implements Trouble {}

    /** The task which the call starts ends so, without an effect. */
    record TaskFails(SimFault fault) implements Trouble {}

    record TaskQueued(Duration howLong) implements Trouble {}

    /** Runs so long, with progress. */
    record TaskRuns(Duration howLong) implements Trouble {}

    record TaskNeverEnds() implements Trouble {}

    /** The snapshot is removed, the task ends well, and the disks need consolidation all the same. */
    record LeavesConsolidation() implements Trouble {}

    /** The call is taken and nothing ever said; no effect. */
    record NoAnswer() implements Trouble {}

    /** The connection ends when the call has been read; no effect. */
    record CutBefore() implements Trouble {}

    /** The connection ends after so many bytes of the answer; 0 is a lost answer. */
    record CutAnswer(int afterBytes) implements Trouble {}

    /** Nothing more comes after so many bytes of the body, and the connection stays. */
    record StalledBody(int afterBytes) implements Trouble {}

    /** After so many bytes of the body our direction ends, the other one stays open. */
    record HalfClosed(int afterBytes) implements Trouble {}

    /** So much time before each line of the answer's head. */
    record SlowHeaders(Duration eachLine) implements Trouble {}

    /** So much more white space in the answer. */
    record Oversized(long bytes) implements Trouble {}

    /** The answer begins with this declaration, such as {@code <!DOCTYPE x SYSTEM "file:///etc/passwd">}. */
    record Doctype(String declaration) implements Trouble {}

    /** Anything else that can be done to the text of an answer. */
    record Rewritten(UnaryOperator<String> how) implements Trouble {}

    static Trouble fault(String name) {
        return new Fails(SimFault.named(name));
    }

    static Trouble taskFault(String name) {
        return new TaskFails(SimFault.named(name));
    }

    /** The effect happens, and the client never learns of it. */
    static Trouble lostAnswer() {
        return new CutAnswer(0);
    }

    /** Reads what {@link SimulatorMain} is told, such as {@code fault:FileFault} or {@code task-runs:5s}. */
    static Trouble parse(String words) {
        int colon = words.indexOf(':');
        String kind = colon < 0 ? words : words.substring(0, colon);
        String value = colon < 0 ? "" : words.substring(colon + 1);
        return switch (kind) {
            case "fault" -> fault(value);
            case "task-fault" -> taskFault(value);
            case "session-lost" -> new SessionLost();
            case "missing" -> new Missing(SimFault.named(value));
            case "http" -> new HttpStatus(Integer.parseInt(value), "simulated");
            case "delay" -> new Delay(duration(value));
            case "task-queued" -> new TaskQueued(duration(value));
            case "task-runs" -> new TaskRuns(duration(value));
            case "task-never-ends" -> new TaskNeverEnds();
            case "leaves-consolidation" -> new LeavesConsolidation();
            case "no-answer" -> new NoAnswer();
            case "cut-before" -> new CutBefore();
            case "lost-answer" -> lostAnswer();
            case "cut-answer" -> new CutAnswer(Integer.parseInt(value));
            case "stalled-body" -> new StalledBody(value.isEmpty() ? 100 : Integer.parseInt(value));
            case "half-closed" -> new HalfClosed(value.isEmpty() ? 100 : Integer.parseInt(value));
            case "slow-headers" -> new SlowHeaders(duration(value));
            case "oversized" -> new Oversized(Long.parseLong(value));
            case "doctype" -> new Doctype("<!DOCTYPE x SYSTEM \"file:///etc/hostname\">");
            default -> throw new IllegalArgumentException("no such trouble: " + words);
        };
    }

    private static Duration duration(String text) {
        return Duration.parse("PT" + text);
    }
}
