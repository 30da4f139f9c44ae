package io.migratekit.agent.watch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What does a person want to read about a copy that does not move? One screen: the verdict and its evidence first, then
 * workers with their connections and what is in flight, the waits so far, and where our threads stand. Nothing of the
 * environment or the command line, for there may be secrets.
 */
final class Dump {
    private static final int WORKERS = 8;
    private static final int REQUESTS = 3;
    private static final int WAITS = 8;
    private static final int STACKS = 5;
    private static final int FRAMES = 5;

    private final WatchView view;
    private final Evidence evidence;
    private final StringBuilder text = new StringBuilder();

    Dump(WatchView view) {
        this.view = view;
        evidence = new Evidence(view.clock(), view.nowNanos());
    }

    String text() {
        head();
        List<WatchView.WorkerLook> workers = view.workers().stream()
                .sorted(Comparator.comparing(
                                (WatchView.WorkerLook look) -> look.verdict().motion())
                        .reversed())
                .toList();
        workers.stream().limit(WORKERS).forEach(this::worker);
        more("", workers.size() - WORKERS, "more workers");
        waits();
        view.notes().forEach(note -> line("note: " + note));
        stacks(workers);
        return text.toString();
    }

    private void head() {
        Verdict verdict = view.verdict();
        Layer layer = verdict.layer();
        line(view.job().title() + ": " + verdict.motion().id() + (layer == null ? "" : " in " + layer.id())
                + (verdict.nanos() < Judge.NOTICED_NANOS ? "" : " for " + Evidence.show(verdict.nanos())) + " (pid "
                + view.pid() + ", running for "
                + Evidence.show(view.progress().elapsed().toNanos()) + ", seen at " + view.at() + ")");
        line("  from " + view.job().source());
        line("  to   " + view.job().target());
        Progress.Counts counts = view.progress().counts();
        line("  " + counts.phase().id() + ": planned " + counts.planned() + " bytes; copied " + counts.copied()
                + ", zeroed " + counts.zeroed() + ", zeroes in data " + counts.zeroesInData() + ", skipped "
                + counts.skipped() + ", durable before " + counts.durableBefore() + ", re-sent " + counts.resent()
                + ", verified " + counts.verified());
        if (!verdict.evidence().isEmpty()) {
            line("why: " + verdict.evidence());
        }
        if (layer != null) {
            line("look: " + layer.remedy());
        }
    }

    private void worker(WatchView.WorkerLook look) {
        WorkerView worker = look.view();
        Layer layer = look.verdict().layer();
        line(worker.worker() + ": " + look.verdict().motion().id() + (layer == null ? "" : " in " + layer.id()) + "; "
                + Evidence.stage(worker) + " for " + evidence.age(worker.sinceNanos())
                + "; looked at its connections " + evidence.ago(worker.turnNanos()));
        worker.connections().forEach(this::connection);
        worker.over().forEach(this::over);
    }

    private void connection(ConnectionView connection) {
        line("  " + connection.id() + " to " + connection.side().id() + ": "
                + (connection.inFlight().size() + connection.moving()) + " in flight (" + connection.inFlightBytes()
                + " bytes)"
                + (connection.isWaiting() ? ", last sign of life " + evidence.ago(connection.signNanos()) : "")
                + ", " + connection.answers() + " requests answered" + lastAnswer(connection.lastAnswer())
                + (connection.state().isEmpty() ? "" : ", libnbd state " + connection.state()));
        if (connection.single() != null) {
            line("    " + connection.single().title() + ": asked for " + evidence.ago(connection.singleSinceNanos()));
        }
        connection.inFlight().stream()
                .sorted(Comparator.comparingLong(entry -> entry.sinceNanos() - view.nowNanos()))
                .limit(REQUESTS)
                .forEach(entry ->
                        line("    " + Evidence.request(entry) + ": asked " + evidence.ago(entry.sinceNanos())));
        more("    ", connection.inFlight().size() - REQUESTS, "younger requests");
    }

    private void over(ConnectionView connection) {
        line("  " + connection.id() + " to " + connection.side().id() + " is over: " + connection.end() + " ("
                + connection.answers() + " requests answered" + lastAnswer(connection.lastAnswer()) + ")");
    }

    private String lastAnswer(ConnectionView.@Nullable LastAnswer last) {
        return last == null ? "" : ", last answer " + evidence.ago(last.atNanos()) + " (" + Evidence.answer(last) + ")";
    }

    private void waits() {
        if (view.waits().isEmpty()) {
            return;
        }
        line("waits that are over, of all workers:");
        view.waits().stream().limit(WAITS).forEach(wait -> line("  " + wait));
        more("  ", view.waits().size() - WAITS, "more kinds of waits");
        view.waits().stream()
                .filter(LedgerLine::hasFortyMillisMark)
                .forEach(wait -> line("  note: " + wait.fortyMillisWords()));
    }

    /** Where our threads stand; workers that wait usually all stand in the same place. */
    private void stacks(List<WatchView.WorkerLook> workers) {
        Map<String, List<String>> threads = new LinkedHashMap<>();
        for (WatchView.WorkerLook look : workers) {
            Thread thread = look.view().thread();
            if (thread != null && thread.isAlive()) {
                String frames = Arrays.stream(thread.getStackTrace())
                        .limit(FRAMES)
                        .map(frame -> "  at " + frame + "\n")
                        .collect(Collectors.joining());
                threads.computeIfAbsent(thread.getState() + "\n" + frames, stack -> new ArrayList<>())
                        .add(thread.getName());
            }
        }
        threads.entrySet().stream()
                .limit(STACKS)
                .forEach(stack -> text.append(String.join(", ", stack.getValue()))
                        .append(": thread ")
                        .append(stack.getKey()));
        more("", threads.size() - STACKS, "more stacks");
    }

    private void more(String indent, int count, String what) {
        if (count > 0) {
            line(indent + "and " + count + " " + what);
        }
    }

    /** What a server said may hold anything; it must neither begin a line nor command a terminal. */
    private void line(String words) {
        text.append(words.replaceAll("\\p{Cntrl}", "?")).append('\n');
    }
}
