package io.migratekit.agent.watch;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** How is a job told to machines? The names of the fields are a contract: docs/state-format.md describes them. */
final class StatusJson {
    private static final int FORMAT = 1;

    private final WatchView view;
    private final JsonText json = new JsonText();

    private StatusJson(WatchView view) {
        this.view = view;
    }

    static String of(WatchView view) {
        return new StatusJson(view).write();
    }

    private String write() {
        json.begin()
                .field("format", FORMAT)
                .field("job", view.job().id())
                .field("pid", view.pid())
                .field("source", view.job().source())
                .field("target", view.job().target())
                .field("startedAt", view.started().toString())
                .field("at", view.at().toString())
                .field("elapsedMillis", view.progress().elapsed().toMillis());
        verdict(view.verdict());
        Layer layer = view.verdict().layer();
        json.field("remedy", layer == null ? null : layer.remedy());
        json.begin("progress");
        progress(json, view.progress());
        json.end();
        json.beginList("workers");
        view.workers().forEach(this::worker);
        json.endList().beginList("waits");
        view.waits().forEach(this::waits);
        json.endList().beginList("notes");
        view.notes().forEach(json::value);
        return json.endList().end().toString();
    }

    private void verdict(Verdict verdict) {
        Layer layer = verdict.layer();
        json.field("motion", verdict.motion().id())
                .field("layer", layer == null ? null : layer.id())
                .field("forMillis", millis(verdict.nanos()))
                .field("why", verdict.evidence());
    }

    /** The fields of an object about progress; those of {@code --progress json}, too. */
    static void progress(JsonText json, ProgressView progress) {
        Progress.Counts counts = progress.counts();
        boolean unknown = progress.eta().kind() == Eta.Kind.UNKNOWN;
        json.field("phase", counts.phase().id())
                .field("plannedBytes", counts.planned())
                .field("doneBytes", counts.done())
                .field("durableBeforeBytes", counts.durableBefore())
                .field("listedBytes", counts.listed())
                .field("dataBytes", counts.data())
                .field("copiedBytes", counts.copied())
                .field("zeroedBytes", counts.zeroed())
                .field("zeroesInDataBytes", counts.zeroesInData())
                .field("skippedBytes", counts.skipped())
                .field("resentBytes", counts.resent())
                .field("toVerifyBytes", counts.toVerify())
                .field("verifiedBytes", counts.verified())
                .field("knownDataLeftBytes", counts.knownDataLeft())
                .field("unlistedBytes", counts.unlisted())
                .field("bytesPerSecond", Math.round(progress.bytesPerSecond()))
                .begin("eta")
                .field("kind", progress.eta().kind().id());
        if (!unknown) {
            json.field("seconds", progress.eta().left().toSeconds());
        }
        json.end();
    }

    private void worker(WatchView.WorkerLook look) {
        WorkerView worker = look.view();
        json.begin()
                .field("worker", worker.worker())
                .field("stage", worker.stage().id())
                .field("offset", worker.offset())
                .field("length", worker.length())
                .field("stageMillis", age(worker.sinceNanos()))
                .field("lookedMillisAgo", age(worker.turnNanos()));
        verdict(look.verdict());
        json.beginList("connections");
        worker.connections().forEach(this::connection);
        json.endList().beginList("over");
        worker.over().forEach(this::connection);
        json.endList().end();
    }

    private void connection(ConnectionView connection) {
        json.begin()
                .field("id", connection.id())
                .field("side", connection.side().id())
                .field("peer", connection.peer())
                .field("state", connection.state())
                .field("end", connection.end())
                .field("inFlight", connection.inFlight().size() + connection.moving())
                .field("inFlightBytes", connection.inFlightBytes())
                .field("silentMillis", connection.isWaiting() ? age(connection.signNanos()) : 0)
                .field("answers", connection.answers());
        oldest(connection);
        lastAnswer(connection.lastAnswer());
        json.end();
    }

    private void oldest(ConnectionView connection) {
        RequestTable.Entry oldest = connection.oldest();
        if (oldest != null) {
            json.begin("oldest")
                    .field("kind", oldest.kind().id())
                    .field("offset", oldest.offset())
                    .field("length", oldest.length())
                    .field("millis", age(oldest.sinceNanos()))
                    .end();
        } else if (connection.single() != null) {
            json.begin("oldest")
                    .field("kind", connection.single().id())
                    .field("millis", age(connection.singleSinceNanos()))
                    .end();
        }
    }

    private void lastAnswer(ConnectionView.@Nullable LastAnswer last) {
        if (last != null) {
            json.begin("lastAnswer")
                    .field("kind", last.kind().id())
                    .field("offset", last.offset())
                    .field("length", last.length())
                    .field("tookMillis", millis(last.tookNanos()))
                    .field("millisAgo", age(last.atNanos()))
                    .end();
        }
    }

    private void waits(LedgerLine line) {
        json.begin()
                .field("layer", line.layer().id())
                .field("name", line.name().id())
                .field("count", line.count())
                .field("totalMillis", millis(line.totalNanos()))
                .field("maxMillis", millis(line.maxNanos()))
                .field("p50Micros", TimeUnit.NANOSECONDS.toMicros(line.percentileNanos(0.5)))
                .field("p99Micros", TimeUnit.NANOSECONDS.toMicros(line.percentileNanos(0.99)))
                .begin("ends");
        for (Outcome outcome : List.of(Outcome.values())) {
            if (line.count(outcome) > 0) {
                json.field(outcome.id(), line.count(outcome));
            }
        }
        json.end().field("fortyMillisMark", line.hasFortyMillisMark()).end();
    }

    private long age(long sinceNanos) {
        return millis(view.clock().age(sinceNanos, view.nowNanos()));
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }
}
