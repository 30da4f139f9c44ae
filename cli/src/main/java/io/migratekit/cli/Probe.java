package io.migratekit.cli;

import io.migratekit.cli.Finding.Status;
import io.migratekit.cli.ProbeReport.Verdict;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.ExtentMap;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdNegotiation;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How does one take the pulse of an NBD server? Goes through everything a copy will need, in its
 * order, and judges what it saw. A verdict rests only on what was observed.
 */
final class Probe {
    /** A server with a free slot greets in milliseconds; after this long a second client gives up. */
    private static final Duration SECOND_GREETING = Duration.ofSeconds(3);
    /** So long a server that ends with its last client may still take connections. */
    private static final Duration ENDING = Duration.ofMillis(300);

    private static final Duration SLOW = Duration.ofSeconds(1);
    private static final long READ_BYTES = 4096;
    private static final int READS = 9;
    /** Only the beginning is asked about: the probe wants to know whether it works, not the map. */
    private static final long STATUS_BYTES = 1L << 30;

    private final NbdUri uri;
    private final ConnectSpec spec;
    private final int clients;
    private final Consumer<Finding> report;
    private final List<Finding> warnings = new ArrayList<>();
    private @Nullable ExportInfo seen;
    private boolean turnedAway;
    private int served;

    /**
     * @param clients so many at once are to be served; with one, no second is tried
     * @param report told of each step when it is over
     */
    Probe(NbdUri uri, ConnectSpec spec, int clients, Consumer<Finding> report) {
        this.uri = uri;
        this.spec = spec;
        this.clients = clients;
        this.report = report;
    }

    /** What the server said of the export, if it came so far. */
    Optional<ExportInfo> seen() {
        return Optional.ofNullable(seen);
    }

    Verdict run() {
        Steps steps = new Steps();
        try {
            ExportInfo info = examine(steps);
            return healthy(info);
        } catch (NbdException.Cancelled e) {
            throw e;
        } catch (NbdException e) {
            String why = String.valueOf(e.getMessage());
            String remedy = remedy(e);
            report.accept(Finding.failed(steps.current, steps.sinceBegin(), "", why, remedy, ExitCode.of(e)));
            return new Verdict(Status.FAIL, why, Optional.of(remedy), ExitCode.of(e));
        }
    }

    private ExportInfo examine(Steps steps) {
        ConnectSpec watched = spec.withListener(steps);
        ExportInfo info;
        NbdConnection first;
        try (NbdNegotiation negotiation = NbdNegotiation.open(uri, watched)) {
            steps.silent = true;
            steps.begin("export");
            info = negotiation.infoOrOpen(uri.exportName());
            seen = info;
            steps.end(describe(info));
            steps.begin("contexts");
            Optional<List<String>> contexts = negotiation.contexts(uri.exportName());
            steps.end(contexts.map(names -> names.isEmpty() ? "none" : Printable.of(String.join(", ", names)))
                    .orElse("the server does not say"));
            steps.begin("open");
            first = negotiation.go(uri.exportName(), List.of(ConnectSpec.BASE_ALLOCATION));
            steps.end("");
        }
        try (first) {
            firstStatus(first, steps);
            firstReads(first, steps);
            boolean greeted = others(steps);
            if (greeted) {
                return info;
            }
        }
        afterTheFirstLeft(steps, info);
        return info;
    }

    private static String describe(ExportInfo info) {
        return Sizes.rounded(info.sizeBytes())
                + (info.readOnly() ? ", read-only" : ", writable")
                + (info.multiConn() ? ", multi-conn" : ", no multi-conn")
                + (info.protocol().tls() ? ", TLS" : "")
                + (info.protocol().structuredReplies() ? "" : ", no structured replies");
    }

    private void firstStatus(NbdConnection first, Steps steps) {
        steps.begin("block status");
        if (!first.hasContext(ConnectSpec.BASE_ALLOCATION)) {
            steps.warn(
                    "the server does not offer " + ConnectSpec.BASE_ALLOCATION,
                    "it does not tell where the disk is empty, so that a copy has to read everything",
                    "");
            return;
        }
        if (first.info().sizeBytes() == 0) {
            steps.end("nothing to ask: the disk is empty");
            return;
        }
        ByteRange range = new ByteRange(0, Math.min(STATUS_BYTES, first.info().sizeBytes()));
        ExtentMap map = ExtentMap.of(first, ConnectSpec.BASE_ALLOCATION, range);
        var extent = map.next();
        String kind = ContextNames.description(ConnectSpec.BASE_ALLOCATION, extent.flags());
        String what =
                (kind == null ? "type " + extent.flags() : kind) + " for the first " + Sizes.rounded(extent.length());
        if (steps.sinceBegin().compareTo(SLOW) > 0) {
            steps.warn(
                    what + "; slow", "it is slow at listing extents, which is legal: give --extents-timeout room", "");
        } else {
            steps.end(what);
        }
    }

    private void firstReads(NbdConnection first, Steps steps) {
        ExportInfo info = first.info();
        long alignment = info.requestAlignment();
        long length = Math.min(info.sizeBytes(), Math.ceilDiv(READ_BYTES, alignment) * alignment);
        steps.begin("reads");
        if (length == 0) {
            steps.end("nothing to read: the disk is empty");
            return;
        }
        List<Long> nanos = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(length, 4096);
            for (int i = 0; i < READS; i++) {
                long begun = System.nanoTime();
                first.await(first.read(buffer, 0));
                nanos.add(System.nanoTime() - begun);
            }
        }
        Collections.sort(nanos);
        long median = nanos.get(READS / 2);
        String what = READS + " of " + length + " bytes, one after the other; median " + show(median) + " (fastest "
                + show(nanos.getFirst()) + ", slowest " + show(nanos.getLast()) + ")";
        boolean delayedAcks = median > 35_000_000 && median < 60_000_000 && nanos.getLast() < 200_000_000;
        if (delayedAcks) {
            steps.warn(
                    what,
                    "every single reply takes about 40 ms, the mark of Nagle's algorithm meeting delayed"
                            + " acknowledgements, as on the reply leg of an SSH forward",
                    "keep many requests in flight; one at a time gives about 5 MiB/s here");
        } else {
            steps.end(what);
        }
    }

    private static String show(long nanos) {
        return Durations.show(Duration.ofNanos(nanos));
    }

    /** Whether others are served while the first one is there, which a copy with several workers needs. */
    private boolean others(Steps steps) {
        served = 1;
        if (clients == 1) {
            return true;
        }
        Duration limit = spec.limits().greeting().compareTo(SECOND_GREETING) < 0
                ? spec.limits().greeting()
                : SECOND_GREETING;
        steps.begin("second connection");
        ConnectSpec second =
                spec.withPurpose("probe-second").withLimits(spec.limits().withGreeting(limit));
        List<NbdNegotiation> held = new ArrayList<>();
        try {
            while (served < clients) {
                held.add(NbdNegotiation.open(uri, second));
                served++;
            }
            steps.end(clients == 2 ? "greeted while the first is held" : clients + " are greeted at once");
            return true;
        } catch (NbdException.NoAnswer | NbdException.ConnectionLost | NbdException.Unreachable e) {
            turnedAway = !(e instanceof NbdException.NoAnswer);
            String how = e instanceof NbdException.NoAnswer silence
                    ? "no " + silence.awaited().title()
                    : "turned away";
            steps.warn(how + " while " + (served == 1 ? "the first is" : served + " others are") + " held", "", "");
            return false;
        } finally {
            held.forEach(NbdNegotiation::close);
        }
    }

    private void greetAgain() {
        try {
            NbdNegotiation.open(uri, spec.withPurpose("probe-again")).close();
        } catch (NbdException.ConnectionLost e) {
            // One that is just ending still takes connections, and drops them; a moment later it is clear.
            pause();
            NbdNegotiation.open(uri, spec.withPurpose("probe-again")).close();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(ENDING);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The proof that the slots were the cause: once the others have left, the server must greet again. */
    private void afterTheFirstLeft(Steps steps, ExportInfo info) {
        steps.begin("once more");
        Duration again;
        try {
            greetAgain();
            again = steps.sinceBegin();
        } catch (NbdException.Unreachable e) {
            steps.warn(
                    "the server is gone since the first left",
                    "the server ended when its client left: it serves one client in its life",
                    "start qemu-nbd with --persistent and --shared=N",
                    ExitCode.NBD_NO_GREETING);
            return;
        }
        String greeted = "greeted after the first had left";
        if (!turnedAway && again.multipliedBy(2).compareTo(SECOND_GREETING) > 0) {
            steps.warn(
                    greeted,
                    "the server takes " + Durations.show(again) + " to greet, so it was not found out whether it"
                            + " serves several clients at once",
                    "");
            return;
        }
        steps.warn(
                greeted,
                othersWarning(info),
                "give the server more client slots (start qemu-nbd with --shared="
                        + (clients == 2 ? "N, where N is the number of workers plus one)" : (clients + 1) + ")")
                        + (info.multiConn() || served > 1 ? ", or end the clients that hold them" : ""),
                ExitCode.NBD_NO_GREETING);
    }

    private String othersWarning(ExportInfo info) {
        if (served > 1) {
            return "only " + served + " clients were served at once, and the next one "
                    + (turnedAway ? "was turned away" : "got a connection and then silence");
        }
        if (info.multiConn()) {
            return "a second client was not served while ours was there, although the server says that several"
                    + " connections may be used";
        }
        return "the server serves one client at a time: a second one "
                + (turnedAway ? "is turned away" : "gets a connection and then silence");
    }

    private Verdict healthy(ExportInfo info) {
        if (warnings.isEmpty()) {
            return new Verdict(
                    Status.OK,
                    "healthy" + (info.multiConn() ? "; several connections may be used at once" : ""),
                    Optional.empty(),
                    ExitCode.DONE);
        }
        String remedies =
                warnings.stream().flatMap(one -> one.remedy().stream()).collect(Collectors.joining("; "));
        return new Verdict(
                Status.WARN,
                "it works, but " + warnings.stream().map(Finding::meaning).collect(Collectors.joining("; and ")) + ".",
                remedies.isEmpty() ? Optional.empty() : Optional.of(remedies + "."),
                ExitCode.DONE);
    }

    private String remedy(NbdException failure) {
        return switch (failure) {
            case NbdException.NoAnswer e
            when e.awaited() == Wait.GREETING ->
                "on the server's host: is the server running and not stopped, who is connected (ss -tnp), was it started"
                        + " with --shared=N? With a tunnel in between, probe on the far side of it as well.";
            case NbdException.NoAnswer e
            when e.awaited() == Wait.RESOLVE || e.awaited() == Wait.CONNECT ->
                "check the address, the name service, the route and the firewalls on the way.";
            case NbdException.NoAnswer e ->
                "on the server's host: look at the server's state (ps) and at the disk below it.";
            case NbdException.Unreachable e -> "start the server or the tunnel, or correct the address.";
            case NbdException.NotNbd e -> "correct host and port.";
            case NbdException.Refused e -> "list the exports: migratekit info --list " + uri;
            case NbdException.ConnectionLost e -> "look into the log of the server, and of the tunnel if there is one.";
            case NbdException.TlsFailed e -> "compare the TLS settings of both sides.";
            case NbdException.Unsupported e -> "use a server that can do it.";
            case NbdException.RequestFailed e -> "look into the server's log and at the disk below it.";
            case NbdException.DeadlinePassed e -> "give a longer --deadline.";
            case NbdException.LibraryMissing e -> "install the library.";
            case NbdException.BadUri e -> "correct the address.";
            case NbdException.Cancelled e -> "run it again.";
        };
    }

    /** Turns the waits of the handshake, and the named steps after it, into lines of the report. */
    private final class Steps implements WaitListener {
        private final WaitListener audience = spec.listener();
        private String current = "start";
        private long begunNanos = System.nanoTime();
        private boolean silent;

        void begin(String step) {
            current = step;
            begunNanos = System.nanoTime();
        }

        void end(String detail) {
            report.accept(Finding.ok(current, sinceBegin(), detail));
        }

        void warn(String detail, String meaning, String remedy) {
            warn(detail, meaning, remedy, ExitCode.DONE);
        }

        /** Without a meaning, the next step tells it. */
        void warn(String detail, String meaning, String remedy, ExitCode code) {
            Finding warning = new Finding(
                    current,
                    Status.WARN,
                    sinceBegin(),
                    detail,
                    meaning,
                    Optional.of(remedy).filter(words -> !words.isEmpty()),
                    code);
            if (!meaning.isEmpty()) {
                warnings.add(warning);
            }
            report.accept(warning);
        }

        Duration sinceBegin() {
            return Duration.ofNanos(System.nanoTime() - begunNanos);
        }

        @Override
        public void waiting(String connection, Wait wait, Duration limit) {
            if (!silent) {
                begin(wait.id());
            }
            audience.waiting(connection, wait, limit);
        }

        @Override
        public void stillWaiting(String connection, Wait wait, Duration waited, Duration silence, Duration limit) {
            audience.stillWaiting(connection, wait, waited, silence, limit);
        }

        @Override
        public void answered(String connection, Wait wait, Duration waited) {
            if (!silent) {
                report.accept(Finding.ok(wait.id(), waited, ""));
            }
            audience.answered(connection, wait, waited);
        }
    }
}
