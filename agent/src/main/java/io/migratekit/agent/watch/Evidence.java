package io.migratekit.agent.watch;

import io.migratekit.nbd.Durations;
import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * In which words is a wait told? Only what was seen: which question has no answer, since when, and what else came. Never
 * a cause: from here nobody can see one.
 */
final class Evidence {
    private final AwakeClock clock;
    private final long nowNanos;

    Evidence(AwakeClock clock, long nowNanos) {
        this.clock = clock;
        this.nowNanos = nowNanos;
    }

    /** What a connection waits for. */
    String of(ConnectionView connection) {
        StringBuilder words = new StringBuilder()
                .append(connection.id())
                .append(": ")
                .append(question(connection))
                .append(others(connection))
                .append("; last sign of life ")
                .append(ago(connection.signNanos()));
        ConnectionView.LastAnswer last = connection.lastAnswer();
        if (last == null) {
            words.append("; it has answered nothing yet");
        } else {
            words.append("; last answer ")
                    .append(ago(last.atNanos()))
                    .append(" (")
                    .append(answer(last))
                    .append(')');
        }
        if (!connection.state().isEmpty()) {
            words.append("; libnbd state ").append(connection.state());
        }
        return words.toString();
    }

    private String question(ConnectionView connection) {
        String side = connection.side().id();
        Wait single = connection.single();
        if (single != null && !single.isRequest()) {
            return "waiting for the " + single.title() + " of the " + side + " for "
                    + age(connection.singleSinceNanos());
        }
        RequestTable.Entry oldest = connection.oldest();
        if (oldest != null) {
            return "the " + side + " has not answered " + request(oldest) + " for " + age(oldest.sinceNanos());
        }
        if (single != null) {
            return "the " + side + " has not answered a " + single.id() + " for " + age(connection.singleSinceNanos());
        }
        return connection.moving() + " requests to the " + side + " are being made or answered";
    }

    private static String others(ConnectionView connection) {
        int others = connection.inFlight().size() - 1 + connection.moving();
        if (others <= 0 || connection.inFlight().isEmpty()) {
            return "";
        }
        Map<Wait, Integer> kinds = new EnumMap<>(Wait.class);
        connection.inFlight().forEach(entry -> kinds.merge(entry.kind(), 1, Integer::sum));
        String mixed = kinds.size() == 1
                ? ""
                : kinds.entrySet().stream()
                        .map(kind -> kind.getValue() + " " + kind.getKey().id())
                        .collect(Collectors.joining(", ", " (in all: ", ")"));
        return "; " + others + (others == 1 ? " other" : " others") + " in flight" + mixed;
    }

    static String request(RequestTable.Entry entry) {
        return ConnectionPulse.text(entry.kind(), entry.offset(), entry.length());
    }

    static String answer(ConnectionView.LastAnswer last) {
        return ConnectionPulse.text(last.kind(), last.offset(), last.length()) + ", which took "
                + show(last.tookNanos());
    }

    /** What a stage is about, with the range if there is one. */
    static String stage(WorkerView worker) {
        return worker.stage().id()
                + (worker.length() == 0 ? "" : " " + worker.length() + " bytes at " + worker.offset());
    }

    String age(long sinceNanos) {
        return show(clock.age(sinceNanos, nowNanos));
    }

    String ago(long sinceNanos) {
        return age(sinceNanos) + " ago";
    }

    static String show(long nanos) {
        return Durations.show(Duration.ofNanos(nanos));
    }

    /** Where a thread stands: the innermost frame that is ours, or the innermost one. */
    static String top(@Nullable Thread thread) {
        if (thread == null) {
            return "";
        }
        StackTraceElement[] frames = thread.getStackTrace();
        for (StackTraceElement frame : frames) {
            if (frame.getClassName().startsWith("io.migratekit.")) {
                return frame.toString();
            }
        }
        return frames.length == 0 ? "" : frames[0].toString();
    }
}
