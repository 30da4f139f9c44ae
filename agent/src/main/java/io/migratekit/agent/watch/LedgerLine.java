package io.migratekit.agent.watch;

import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;

/** What does the ledger say of one kind of wait? Of all workers together, at one moment. */
public final class LedgerLine {
    /** Waits of this length, and hardly others, are the mark of Nagle's algorithm meeting delayed acknowledgements. */
    private static final long MARK_FROM_NANOS = 38_000_000;

    private static final long MARK_TO_NANOS = 48_000_000;
    /** What is shorter than this is no disk that happens to need forty milliseconds. */
    private static final long TINY_NANOS = 20_000_000;

    private static final int MARK_AT_LEAST = 20;
    private static final double MARK_SHARE = 0.6;
    private static final double OTHERS_SHARE = 0.1;

    private final Layer layer;
    private final WaitName name;
    private final long totalNanos;
    private final long maxNanos;
    private final Map<Outcome, Long> outcomes;
    private final Histogram.Counts times;

    LedgerLine(
            Layer layer,
            WaitName name,
            long totalNanos,
            long maxNanos,
            Map<Outcome, Long> outcomes,
            Histogram.Counts times) {
        this.layer = layer;
        this.name = name;
        this.totalNanos = totalNanos;
        this.maxNanos = maxNanos;
        this.outcomes = Map.copyOf(outcomes);
        this.times = times;
    }

    public Layer layer() {
        return layer;
    }

    public WaitName name() {
        return name;
    }

    public long count() {
        return times.total();
    }

    /** The sum over all waits; waits of requests in flight at the same time are counted each. */
    public long totalNanos() {
        return totalNanos;
    }

    public long maxNanos() {
        return maxNanos;
    }

    /** The time which this part of the waits did not exceed, to about 6 %. */
    public long percentileNanos(double part) {
        return Math.min(maxNanos, times.percentile(part));
    }

    public long count(Outcome outcome) {
        return outcomes.getOrDefault(outcome, 0L);
    }

    /** Whether most waits took 38 to 48 ms and the others next to nothing. */
    public boolean hasFortyMillisMark() {
        long all = count();
        long marked = marked();
        long others = all - marked - times.between(0, TINY_NANOS);
        return all >= MARK_AT_LEAST && marked >= MARK_SHARE * all && others <= OTHERS_SHARE * all;
    }

    private long marked() {
        return times.between(MARK_FROM_NANOS, MARK_TO_NANOS);
    }

    /** What the mark means; only for a line that has it. */
    public String fortyMillisWords() {
        return marked() + " of " + count() + " waits for " + id() + " took about 40 ms and the others next to nothing:"
                + " that is what Nagle's algorithm and delayed acknowledgements do to one small request at a time"
                + " (`ssh -L` is known for it). More requests in flight (--requests) or TCP_NODELAY on both legs cure"
                + " it; a storage that always needs 40 ms would look the same";
    }

    /** Layer and name in one word. */
    public String id() {
        return layer.id() + "/" + name.id();
    }

    @Override
    public String toString() {
        String ends = outcomes.entrySet().stream()
                .filter(end -> end.getKey() != Outcome.ANSWERED)
                .sorted(Map.Entry.comparingByKey())
                .map(end -> ", " + end.getValue() + " " + end.getKey().id())
                .collect(Collectors.joining());
        return id() + ": " + count() + (count() == 1 ? " wait" : " waits") + ends + ", half within "
                + show(percentileNanos(0.5))
                + ", 99 % within " + show(percentileNanos(0.99)) + ", longest " + show(maxNanos) + ", in all "
                + show(totalNanos);
    }

    private static String show(long nanos) {
        return Durations.show(Duration.ofNanos(nanos));
    }
}
