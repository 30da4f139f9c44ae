package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Waiting;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.trace.v1.Span;
import io.opentelemetry.proto.trace.v1.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a receiver of OpenTelemetry see what a backup waited for, and does nobody pay for it who has not asked? */
class TracesIT {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT=";

    @TempDir
    private Path folder;

    /** Takes what is posted, and understands it. */
    private static final class Receiver implements AutoCloseable {
        private final List<Span> spans = new CopyOnWriteArrayList<>();
        private final List<String> texts = new CopyOnWriteArrayList<>();
        private final HttpServer server;

        Receiver() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
            server.createContext("/v1/traces", exchange -> {
                ExportTraceServiceRequest request = ExportTraceServiceRequest.parseFrom(exchange.getRequestBody());
                texts.add(request.toString());
                request.getResourceSpansList()
                        .forEach(resource ->
                                resource.getScopeSpansList().forEach(scope -> spans.addAll(scope.getSpansList())));
                exchange.sendResponseHeaders(200, -1);
                exchange.close();
            });
            server.start();
        }

        List<String> environment() {
            return List.of(
                    "env", ENDPOINT + "http://127.0.0.1:" + server.getAddress().getPort());
        }

        Span one(String name) {
            List<Span> found =
                    spans.stream().filter(span -> span.getName().equals(name)).toList();
            assertEquals(
                    1,
                    found.size(),
                    () -> name + " among " + spans.stream().map(Span::getName).toList());
            return found.getFirst();
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    private static String attribute(Span span, String key) {
        return span.getAttributesList().stream()
                .filter(pair -> pair.getKey().equals(key))
                .map(KeyValue::getValue)
                .map(value -> value.hasIntValue() ? Long.toString(value.getIntValue()) : value.getStringValue())
                .findFirst()
                .orElse("");
    }

    private static long millis(Span span) {
        return (span.getEndTimeUnixNano() - span.getStartTimeUnixNano()) / 1_000_000;
    }

    private static CopyProcess backUp(HubLab lab, List<String> before, String job, String... more) {
        MigrateLab source = lab.source();
        return source.startWith(
                before,
                job,
                List.of(source.trust(), source.password(), lab.hub().to()),
                more);
    }

    @Test
    void aBackupIsATraceOfItsNamedWaits() throws Exception {
        try (HubLab lab = new HubLab(folder, 8 * MigrateLab.MIB);
                Receiver receiver = new Receiver()) {
            lab.source().guestWrites(new Random(7), 60);
            try (CopyProcess backup =
                    backUp(lab, receiver.environment(), "traced", "--rate", "1M", "--stall-log", "500ms")) {
                HubTrouble.awaitMoving(lab.hub(), backup);
                try (Frozen _ = Frozen.process(lab.hub().export(2000))) {
                    HubTrouble.sleep(2500);
                }
                Run run = backup.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            Span command = receiver.one("migrate");
            assertTrue(command.getParentSpanId().isEmpty());
            assertEquals("traced", attribute(command, "migratekit.job"));
            assertEquals(
                    Status.StatusCode.STATUS_CODE_UNSET, command.getStatus().getCode());
            assertTrue(
                    command.getEventsList().stream()
                            .anyMatch(event ->
                                    event.getName().matches("the hub has proved and sealed restore point traced")),
                    command::toString);
            for (Span span : receiver.spans) {
                assertEquals(command.getTraceId(), span.getTraceId());
                assertTrue(span.getEndTimeUnixNano() >= span.getStartTimeUnixNano(), span::toString);
            }
            Span disk = receiver.one("disk 2000");
            assertEquals(command.getSpanId(), disk.getParentSpanId());
            Span frozen = receiver.spans.stream()
                    .filter(span -> span.getName().startsWith("target-"))
                    .max(Comparator.comparingLong(TracesIT::millis))
                    .orElseThrow(() -> new AssertionError("no long wait: " + receiver.spans));
            assertEquals(disk.getSpanId(), frozen.getParentSpanId());
            assertTrue(millis(frozen) >= 1500 && millis(frozen) < 20_000, frozen::toString);
            assertTrue(frozen.getEndTimeUnixNano() <= disk.getEndTimeUnixNano(), frozen::toString);
            Span call = receiver.spans.stream()
                    .filter(span -> !attribute(span, "migratekit.limit_ms").isEmpty())
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no named wait: " + receiver.spans));
            assertTrue(Long.parseLong(attribute(call, "migratekit.limit_ms")) > 0);
            String password = lab.source().vcenter().settings().password();
            assertFalse(receiver.texts.toString().contains(password), "the password is in a trace");
        }
    }

    @Test
    void whatFailsSaysSoAndAReceiverThatIsNotThereCostsSeconds() throws Exception {
        try (HubLab lab = new HubLab(folder, 4 * MigrateLab.MIB);
                Receiver receiver = new Receiver()) {
            lab.source().guestWrites(new Random(8), 5);
            lab.source().standIn().fault("fail-open", "simulated");
            try (CopyProcess backup = backUp(lab, receiver.environment(), "failed", "--retry-for", "2s")) {
                Run run = backup.end(MigrateLab.LIMIT);
                Span command = receiver.one("migrate");
                assertEquals(Integer.toString(run.code()), attribute(command, "process.exit.code"), run::toString);
                assertEquals(
                        Status.StatusCode.STATUS_CODE_ERROR, command.getStatus().getCode());
            }
            lab.source().standIn().heal("fail-open");
            assertEquals(0, Run.migratekit(lab.hubWords("abandon", "failed")).code());
            List<String> nobody = List.of("env", ENDPOINT + "http://127.0.0.1:" + LoopbackSshd.freePort());
            try (CopyProcess backup = backUp(lab, nobody, "unseen")) {
                Run run = backup.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
                assertTrue(run.took().compareTo(SOON) < 0, run::toString);
            }
        }
    }

    @Test
    void whoDoesNotAskLoadsNothingOfIt() throws Exception {
        List<String> classes =
                List.of("env", "MIGRATEKIT_JAVA_OPTS=-Xlog:class+load:file=" + folder.resolve("classes"));
        try (HubLab lab = new HubLab(folder, 4 * MigrateLab.MIB)) {
            lab.source().guestWrites(new Random(9), 5);
            try (CopyProcess backup = backUp(lab, classes, "plain")) {
                Run run = backup.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            List<String> loaded = new ArrayList<>();
            Waiting.until("the classes are written down", SOON, () -> {
                loaded.clear();
                loaded.addAll(MigrateLab.read(folder.resolve("classes")).lines().toList());
                return loaded.stream().anyMatch(line -> line.contains("io.migratekit.cli.Spans"));
            });
            assertEquals(
                    List.of(),
                    loaded.stream()
                            .filter(line -> line.contains("opentelemetry"))
                            .toList());
        }
    }
}
