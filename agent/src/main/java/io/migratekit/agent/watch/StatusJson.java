package io.migratekit.agent.watch;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** How is a job told to machines? The names of the fields are a contract: docs/state-format.md describes them. */
final class StatusJson {
    private static final int FORMAT = 1;

    private final WatchView view;

    private StatusJson(WatchView view) {
        this.view = view;
    }

    static String of(WatchView view) {
        return new StatusJson(view).write().toString();
    }

    private JsonObject write() {
        JsonObject json = new JsonObject();
        json.addProperty("format", FORMAT);
        json.addProperty("job", view.job().id());
        json.addProperty("pid", view.pid());
        json.addProperty("source", view.job().source());
        json.addProperty("target", view.job().target());
        json.addProperty("startedAt", view.started().toString());
        json.addProperty("at", view.at().toString());
        json.addProperty("elapsedMillis", view.progress().elapsed().toMillis());
        verdict(json, view.verdict());
        Layer layer = view.verdict().layer();
        json.addProperty("remedy", layer == null ? null : layer.remedy());
        JsonObject progress = new JsonObject();
        progress(progress, view.progress());
        json.add("progress", progress);
        json.add("workers", list(view.workers(), this::worker));
        json.add("waits", list(view.waits(), StatusJson::waits));
        json.add("notes", list(view.notes(), JsonPrimitive::new));
        return json;
    }

    private static <T> JsonArray list(List<T> elements, Function<T, JsonElement> toJson) {
        JsonArray array = new JsonArray(elements.size());
        elements.forEach(element -> array.add(toJson.apply(element)));
        return array;
    }

    private static void verdict(JsonObject json, Verdict verdict) {
        Layer layer = verdict.layer();
        json.addProperty("motion", verdict.motion().id());
        json.addProperty("layer", layer == null ? null : layer.id());
        json.addProperty("forMillis", millis(verdict.nanos()));
        json.addProperty("why", verdict.evidence());
    }

    /** The fields of an object about progress; those of {@code --progress json}, too. */
    static void progress(JsonObject json, ProgressView progress) {
        Progress.Counts counts = progress.counts();
        json.addProperty("phase", counts.phase().id());
        json.addProperty("plannedBytes", counts.planned());
        json.addProperty("doneBytes", counts.done());
        json.addProperty("durableBeforeBytes", counts.durableBefore());
        json.addProperty("listedBytes", counts.listed());
        json.addProperty("dataBytes", counts.data());
        json.addProperty("copiedBytes", counts.copied());
        json.addProperty("zeroedBytes", counts.zeroed());
        json.addProperty("zeroesInDataBytes", counts.zeroesInData());
        json.addProperty("skippedBytes", counts.skipped());
        json.addProperty("resentBytes", counts.resent());
        json.addProperty("toVerifyBytes", counts.toVerify());
        json.addProperty("verifiedBytes", counts.verified());
        json.addProperty("knownDataLeftBytes", counts.knownDataLeft());
        json.addProperty("unlistedBytes", counts.unlisted());
        json.addProperty("bytesPerSecond", Math.round(progress.bytesPerSecond()));
        JsonObject eta = new JsonObject();
        eta.addProperty("kind", progress.eta().kind().id());
        if (progress.eta().kind() != Eta.Kind.UNKNOWN) {
            eta.addProperty("seconds", progress.eta().left().toSeconds());
        }
        json.add("eta", eta);
    }

    private JsonObject worker(WatchView.WorkerLook look) {
        WorkerView worker = look.view();
        JsonObject json = new JsonObject();
        json.addProperty("worker", worker.worker());
        json.addProperty("stage", worker.stage().id());
        json.addProperty("offset", worker.offset());
        json.addProperty("length", worker.length());
        json.addProperty("stageMillis", age(worker.sinceNanos()));
        json.addProperty("lookedMillisAgo", age(worker.turnNanos()));
        verdict(json, look.verdict());
        json.add("connections", list(worker.connections(), this::connection));
        json.add("over", list(worker.over(), this::connection));
        return json;
    }

    private JsonObject connection(ConnectionView connection) {
        JsonObject json = new JsonObject();
        json.addProperty("id", connection.id());
        json.addProperty("side", connection.side().id());
        json.addProperty("peer", connection.peer());
        json.addProperty("state", connection.state());
        json.addProperty("end", connection.end());
        json.addProperty("inFlight", connection.inFlight().size() + connection.moving());
        json.addProperty("inFlightBytes", connection.inFlightBytes());
        json.addProperty("silentMillis", connection.isWaiting() ? age(connection.signNanos()) : 0);
        json.addProperty("answers", connection.answers());
        oldest(json, connection);
        lastAnswer(json, connection.lastAnswer());
        return json;
    }

    private void oldest(JsonObject json, ConnectionView connection) {
        RequestTable.Entry oldest = connection.oldest();
        JsonObject fields = new JsonObject();
        if (oldest != null) {
            fields.addProperty("kind", oldest.kind().id());
            fields.addProperty("offset", oldest.offset());
            fields.addProperty("length", oldest.length());
            fields.addProperty("millis", age(oldest.sinceNanos()));
            json.add("oldest", fields);
        } else if (connection.single() != null) {
            fields.addProperty("kind", connection.single().id());
            fields.addProperty("millis", age(connection.singleSinceNanos()));
            json.add("oldest", fields);
        }
    }

    private void lastAnswer(JsonObject json, ConnectionView.@Nullable LastAnswer last) {
        if (last != null) {
            JsonObject fields = new JsonObject();
            fields.addProperty("kind", last.kind().id());
            fields.addProperty("offset", last.offset());
            fields.addProperty("length", last.length());
            fields.addProperty("tookMillis", millis(last.tookNanos()));
            fields.addProperty("millisAgo", age(last.atNanos()));
            json.add("lastAnswer", fields);
        }
    }

    private static JsonObject waits(LedgerLine line) {
        JsonObject json = new JsonObject();
        json.addProperty("layer", line.layer().id());
        json.addProperty("name", line.name().id());
        json.addProperty("count", line.count());
        json.addProperty("totalMillis", millis(line.totalNanos()));
        json.addProperty("maxMillis", millis(line.maxNanos()));
        json.addProperty("p50Micros", TimeUnit.NANOSECONDS.toMicros(line.percentileNanos(0.5)));
        json.addProperty("p99Micros", TimeUnit.NANOSECONDS.toMicros(line.percentileNanos(0.99)));
        JsonObject ends = new JsonObject();
        for (Outcome outcome : List.of(Outcome.values())) {
            if (line.count(outcome) > 0) {
                ends.addProperty(outcome.id(), line.count(outcome));
            }
        }
        json.add("ends", ends);
        json.addProperty("fortyMillisMark", line.hasFortyMillisMark());
        return json;
    }

    private long age(long sinceNanos) {
        return millis(view.clock().age(sinceNanos, view.nowNanos()));
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }
}
