package io.migratekit.cli;

import io.migratekit.cli.ProbeReport.Status;
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

/**
 * How does one take the pulse of an NBD server? Goes through everything a copy will need, in its
 * order, and judges what it saw. A verdict rests only on what was observed.
 */
final class Probe {
    /** A server with a free slot greets in milliseconds; after this long a second client gives up. */
    private static final Duration SECOND_GREETING = Duration.ofSeconds(3);

    private static final Duration SLOW = Duration.ofSeconds(1);
    private static final long READ_BYTES = 4096;
    private static final int READS = 9;
    /** Only the beginning is asked about: the probe wants to know whether it works, not the map. */
    private static final long STATUS_BYTES = 1L << 30;

    private final NbdUri uri;
    private final ConnectSpec spec;
    private final ProbeReport report;
    private final List<String> warnings = new ArrayList<>();
    private final List<String> remedies = new ArrayList<>();
    private boolean turnedAway;

    Probe(NbdUri uri, ConnectSpec spec, ProbeReport report) {
        this.uri = uri;
        this.spec = spec;
        this.report = report;
    }

    Verdict run() {
        Steps steps = new Steps();
        try {
            ExportInfo info = examine(steps);
            return healthy(info);
        } catch (NbdException.Cancelled e) {
            throw e;
        } catch (NbdException e) {
            report.step(steps.current, Status.FAIL, steps.sinceBegin(), "");
            return new Verdict(Status.FAIL, String.valueOf(e.getMessage()), Optional.of(remedy(e)), ExitCode.of(e));
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
            boolean greeted = secondConnection(steps);
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
            steps.end(Status.WARN, "the server does not offer " + ConnectSpec.BASE_ALLOCATION);
            warnings.add("it does not tell where the disk is empty, so that a copy has to read everything");
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
            steps.end(Status.WARN, what + "; slow");
            warnings.add("it is slow at listing extents, which is legal: give --extents-timeout room");
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
        String what = READS + " of " + length + " bytes, one after the other; median "
                + Durations.show(Duration.ofNanos(median));
        boolean delayedAcks = median > 35_000_000 && median < 60_000_000 && nanos.getLast() < 200_000_000;
        if (delayedAcks) {
            steps.end(Status.WARN, what);
            warnings.add("every single reply takes about 40 ms, the mark of Nagle's algorithm meeting delayed"
                    + " acknowledgements, as on the reply leg of an SSH forward");
            remedies.add("keep many requests in flight; one at a time gives about 5 MiB/s here");
        } else {
            steps.end(what);
        }
    }

    /** Whether a second client is served while the first one is there, which a copy with several workers needs. */
    private boolean secondConnection(Steps steps) {
        Duration limit = spec.limits().greeting().compareTo(SECOND_GREETING) < 0
                ? spec.limits().greeting()
                : SECOND_GREETING;
        steps.begin("second connection");
        ConnectSpec second =
                spec.withPurpose("probe-second").withLimits(spec.limits().withGreeting(limit));
        try {
            NbdNegotiation.open(uri, second).close();
            steps.end("greeted while the first is held");
            return true;
        } catch (NbdException.NoAnswer | NbdException.ConnectionLost | NbdException.Unreachable e) {
            String how = e instanceof NbdException.NoAnswer silence
                    ? "no " + silence.awaited().title() + " while the first is held"
                    : "turned away while the first is held";
            steps.end(Status.WARN, how);
            turnedAway = !(e instanceof NbdException.NoAnswer);
            return false;
        }
    }

    /** The proof that the slot was the cause: once the first client has left, the server must greet again. */
    private void afterTheFirstLeft(Steps steps, ExportInfo info) {
        steps.begin("once more");
        Duration again;
        try {
            NbdNegotiation.open(uri, spec.withPurpose("probe-again")).close();
            again = steps.sinceBegin();
            steps.end("greeted after the first had left");
        } catch (NbdException.Unreachable e) {
            steps.end(Status.WARN, "the server is gone since the first left");
            warnings.add("the server ended when its client left: it serves one client in its life");
            remedies.add("start qemu-nbd with --persistent and --shared=N");
            return;
        }
        if (!turnedAway && again.multipliedBy(2).compareTo(SECOND_GREETING) > 0) {
            warnings.add("the server takes " + Durations.show(again) + " to greet, so it was not found out whether it"
                    + " serves several clients at once");
            return;
        }
        warnings.add(secondClientWarning(info));
        remedies.add("give the server more client slots (start qemu-nbd with --shared=N, where N is the number of"
                + " workers plus one)" + (info.multiConn() ? ", or end the clients that hold them" : ""));
    }

    private String secondClientWarning(ExportInfo info) {
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
        return new Verdict(
                Status.WARN,
                "it works, but " + String.join("; and ", warnings) + ".",
                remedies.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", remedies) + "."),
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
            end(Status.OK, detail);
        }

        void end(Status status, String detail) {
            report.step(current, status, sinceBegin(), detail);
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
                report.step(wait.id(), Status.OK, waited, "");
            }
            audience.answered(connection, wait, waited);
        }
    }
}
