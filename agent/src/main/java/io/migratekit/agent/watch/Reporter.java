package io.migratekit.agent.watch;

import io.migratekit.agent.job.RunRecord;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who talks to {@code migratekit status}, {@code why} and {@code rate} in other terminals? A thread of its own, because
 * the state directory may hang like any other disk, and then the watch and the workers must not hang with it.
 */
public final class Reporter implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("io.migratekit.agent.watch");
    /** Whoever asks waits two seconds for an answer. */
    private static final Duration ROUND = Duration.ofMillis(200);

    private static final long END_MILLIS = 1000;

    private final RunRecord record;
    private final Supplier<String> status;
    private final Supplier<String> dump;
    private final LongConsumer newRate;
    private OptionalLong rate = OptionalLong.empty();
    private @Nullable Thread thread;

    /**
     * @param status how things stand, as JSON
     * @param dump what everything waits for right now, in words
     * @param newRate told the rate in bytes per second, 0 for no limit, whenever somebody wants another one
     */
    public Reporter(RunRecord record, Supplier<String> status, Supplier<String> dump, LongConsumer newRate) {
        this.record = record;
        this.status = status;
        this.dump = dump;
        this.newRate = newRate;
    }

    /** Begins to listen and to publish. */
    public void start() {
        Thread reporter = new Thread(this::report, "reporter");
        reporter.setDaemon(true);
        thread = reporter;
        reporter.start();
    }

    private void report() {
        try {
            while (true) {
                roundSafely();
                TimeUnit.NANOSECONDS.sleep(ROUND.toNanos());
            }
        } catch (InterruptedException e) {
            // The end: close() has asked for it.
            record.publishLastStatus(status.get());
        }
    }

    private void roundSafely() {
        try {
            round();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "the reporter failed once and goes on", e);
        }
    }

    void round() {
        record.publishStatus(status);
        if (record.takeWhyRequest()) {
            record.answerWhy(dump.get());
        }
        OptionalLong wanted = record.requestedRate();
        if (wanted.isPresent() && !wanted.equals(rate)) {
            rate = wanted;
            newRate.accept(wanted.getAsLong());
        }
    }

    /** Ends the talk with the last word on how things stand; in bounded time, whatever the disk does. */
    @Override
    public void close() {
        Thread reporter = thread;
        if (reporter == null) {
            return;
        }
        reporter.interrupt();
        try {
            if (!reporter.join(Duration.ofMillis(END_MILLIS))) {
                LOG.log(System.Logger.Level.WARNING, "the state directory does not answer; the last status is missing");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
