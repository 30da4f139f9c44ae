package io.migratekit.cli;

import io.migratekit.agent.watch.Outcome;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.time.Duration;
import java.time.Instant;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * How does a run look as a trace? One span for the command, below it one for each named wait and each disk, and below a disk one for each wait
 * that was longer than {@code --stall-log}: a copy has millions of the others, which the report sums up. Where to send them is
 * read from the variables that OpenTelemetry defines. This is the only place that knows its library.
 */
final class OtlpSpans implements Spans {
    private static final long LAST_SENDING_SECONDS = 3;
    private static final AttributeKey<String> JOB = AttributeKey.stringKey("migratekit.job");
    private static final AttributeKey<String> LAYER = AttributeKey.stringKey("migratekit.layer");
    private static final AttributeKey<String> WORKER = AttributeKey.stringKey("migratekit.worker");
    private static final AttributeKey<String> CONNECTION = AttributeKey.stringKey("migratekit.connection");
    private static final AttributeKey<String> WHAT = AttributeKey.stringKey("migratekit.what");
    private static final AttributeKey<String> ARRIVED = AttributeKey.stringKey("migratekit.arrived");
    private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("migratekit.outcome");
    private static final AttributeKey<Long> LIMIT = AttributeKey.longKey("migratekit.limit_ms");
    private static final AttributeKey<Long> EXIT_CODE = AttributeKey.longKey("process.exit.code");

    private final OpenTelemetrySdk sdk;
    private final Tracer tracer;
    private final Span command;
    /** What each thread waits for, the outermost first. */
    private final Map<Thread, Deque<Named>> waits = new ConcurrentHashMap<>();

    private final Map<String, Span> disks = new ConcurrentHashMap<>();

    private record Named(String what, Span span) {}

    OtlpSpans(String name, String job) {
        complainThroughOurLog();
        // What the environment says beats these.
        Map<String, String> unlessSaid = Map.of(
                "otel.service.name", "migratekit",
                "otel.exporter.otlp.protocol", "http/protobuf",
                "otel.traces.exporter", "otlp",
                "otel.metrics.exporter", "none",
                "otel.logs.exporter", "none");
        sdk = AutoConfiguredOpenTelemetrySdk.builder()
                .addPropertiesSupplier(() -> unlessSaid)
                .disableShutdownHook()
                .build()
                .getOpenTelemetrySdk();
        tracer = sdk.getTracer("io.migratekit", new Main.Version().getVersion()[0]);
        command = tracer.spanBuilder(name).setNoParent().startSpan();
        if (!job.isEmpty()) {
            command.setAttribute(JOB, job);
        }
    }

    /** A receiver that is not there is no failure of ours, and no reason to write over somebody's display. */
    private static void complainThroughOurLog() {
        Logger theirs = Logger.getLogger("io.opentelemetry");
        theirs.setUseParentHandlers(false);
        theirs.addHandler(new Handler() {
            @Override
            public void publish(LogRecord line) {
                System.getLogger(OtlpSpans.class.getName())
                        .log(System.Logger.Level.WARNING, () -> "traces: " + line.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
    }

    private Span begin(Span parent, String name) {
        return tracer.spanBuilder(name).setParent(Context.root().with(parent)).startSpan();
    }

    @Override
    public void waiting(String what, Duration atMost) {
        Deque<Named> mine = waits.computeIfAbsent(Thread.currentThread(), _ -> new ConcurrentLinkedDeque<>());
        Named outer = mine.peekLast();
        Span span = begin(outer == null ? command : outer.span(), what);
        span.setAttribute(LIMIT, atMost.toMillis());
        mine.add(new Named(what, span));
    }

    @Override
    public void waited(String what) {
        Deque<Named> mine = waits.get(Thread.currentThread());
        if (mine != null) {
            mine.removeIf(named -> {
                boolean isIt = named.what().equals(what);
                if (isIt) {
                    named.span().end();
                }
                return isIt;
            });
        }
    }

    @Override
    public void happened(String sentence) {
        end(waits.remove(Thread.currentThread()));
        command.addEvent(sentence);
    }

    private static void end(@org.jspecify.annotations.Nullable Deque<Named> open) {
        if (open != null) {
            open.descendingIterator().forEachRemaining(named -> named.span().end());
        }
    }

    @Override
    public void copying(String disk) {
        disks.put(disk, begin(command, disk));
    }

    @Override
    public void copied(String disk) {
        Span span = disks.remove(disk);
        if (span != null) {
            span.end();
        }
    }

    @Override
    public void waitedLong(String disk, SlowWait wait) {
        Instant end = Instant.now().minusNanos(System.nanoTime() - wait.endNanos());
        Span span = tracer.spanBuilder(wait.layer().id())
                .setParent(Context.root().with(disks.getOrDefault(disk, command)))
                .setSpanKind(SpanKind.CLIENT)
                .setStartTimestamp(end.minusNanos(wait.nanos()))
                .setAttribute(LAYER, wait.layer().id())
                .setAttribute(WHAT, wait.what())
                .setAttribute(WORKER, wait.worker())
                .setAttribute(CONNECTION, wait.connection())
                .setAttribute(OUTCOME, wait.outcome().id())
                .setAttribute(ARRIVED, wait.arrived())
                .startSpan();
        if (wait.outcome() != Outcome.ANSWERED) {
            span.setStatus(StatusCode.ERROR, wait.outcome().id());
        }
        span.end(end);
    }

    @Override
    public void stalled(String disk, StallReport report) {
        disks.getOrDefault(disk, command)
                .addEvent(
                        report.over() ? "moves again" : "stalled",
                        Attributes.of(LAYER, report.layer().id(), WHAT, report.toString()));
    }

    @Override
    public void failing(int code, String why) {
        command.setAttribute(EXIT_CODE, code);
        command.setStatus(StatusCode.ERROR, why);
    }

    @Override
    public void close() {
        waits.values().forEach(OtlpSpans::end);
        disks.values().forEach(Span::end);
        command.end();
        sdk.getSdkTracerProvider().shutdown().join(LAST_SENDING_SECONDS, TimeUnit.SECONDS);
    }
}
