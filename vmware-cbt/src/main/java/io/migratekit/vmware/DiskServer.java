package io.migratekit.vmware;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Limits;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Secret;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.NbdkitPrograms;
import io.migratekit.nbd.server.ServerCommand;
import io.migratekit.nbd.server.ServerFailed;
import io.migratekit.nbd.server.ServerLimits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * How does a frozen disk become an NBD export? One nbdkit for one disk of one snapshot, on a unix socket that only we
 * can reach, read-only. When {@link #start} returns, the disk has been opened once and has the size that vCenter says.
 *
 * <p>The password goes through a pipe. When this JVM is killed, nbdkit is asked to end and killed a moment later:
 * asked only, it would wait for VDDK, and one that hangs would keep the disk locked and the snapshot from being removed.
 */
public final class DiskServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(DiskServer.class.getName());

    /** Who wants to know what is waited for? Told before each wait, and when it is over. */
    public interface Listener {
        Listener NONE = new Listener() {};

        /** A wait begins; {@code what} completes the sentence "waiting up to 30 s for ...". */
        default void waiting(String what, Duration limit) {}

        /** It is over, and went well. */
        default void waited(String what, Duration took) {}

        /** Something is not as it was asked for, and we go on. */
        default void note(String sentence) {}
    }

    private final Nbdkit server;
    private final NbdUri uri;
    private final String name;
    private final Function<String, Optional<String>> explanation;
    private final Duration stopLimit;
    private final Duration abandonLimit;
    private final Duration killLimit;
    private final Listener listener;
    private volatile boolean closed;
    private volatile BooleanSupplier outdated = () -> false;

    private DiskServer(
            Nbdkit server,
            String name,
            Function<String, Optional<String>> explanation,
            DiskServerLimits limits,
            Listener listener) {
        this.stopLimit = limits.stop();
        this.abandonLimit = limits.abandon();
        this.killLimit = limits.kill();
        this.listener = listener;
        this.server = server;
        this.uri = NbdUri.parse(server.uri());
        this.name = name;
        this.explanation = explanation;
    }

    /**
     * Serves a disk through VDDK.
     *
     * @param snapshotMoref the snapshot that froze it, such as {@code snapshot-1001}
     * @param disk as the snapshot's configuration describes it
     * @param seen the SHA-1 thumbprint of the certificate that vCenter has shown and that was found trustworthy: VDDK
     *     knows no other way to recognise it
     * @param host the name of the ESXi host on which the VM runs, from which VDDK reads; for messages, if known
     * @throws VSphereException.DiskServerFailed with cause and remedy, if it does not come to serve
     */
    public static DiskServer start(
            VCenterSpec vc,
            VmRef vm,
            String snapshotMoref,
            VmDisk disk,
            DiskServerSpec spec,
            Thumbprint seen,
            Optional<String> host,
            Listener listener) {
        requireSha1(vc, seen);
        Nbdkit.Builder nbdkit = builder(spec, spec.plugin().getFirst(), listener);
        spec.plugin().stream().skip(1).forEach(nbdkit::parameter);
        spec.libdir().ifPresent(path -> nbdkit.parameter("libdir=" + path));
        nbdkit.parameter("server=" + vc.endpoint().host())
                .parameter("port=" + vc.endpoint().port())
                .parameter("user=" + vc.username())
                .secretParameter("password", secret("password", vc.password()))
                .parameter("thumbprint=" + seen)
                .parameter("vm=moref=" + vm.moref())
                .parameter("snapshot=" + snapshotMoref)
                .parameter("transports=" + spec.transports())
                .parameter("compression=" + spec.compression())
                .parameter(folder -> "config=" + vddkConf(folder, spec))
                .parameter("file=" + disk.file());
        if (spec.verbose()) {
            nbdkit.option("--verbose");
            for (String flag : new String[] {"nbdkit.backend.datapath=0", "vddk.datapath=0", "vddk.stats=1"}) {
                nbdkit.option("-D").option(flag);
            }
        }
        return start(nbdkit, disk, spec, vm + ", " + disk, said -> VddkTrouble.explain(said, host), listener);
    }

    /** What every server of a disk has: the program, the filters that exist, a bare environment, an end with us. */
    static Nbdkit.Builder builder(DiskServerSpec spec, String plugin, Listener listener) {
        DiskServerLimits limits = spec.limits();
        Nbdkit.Builder nbdkit = Nbdkit.plugin(plugin)
                .program(spec.nbdkit())
                .limits(new ServerLimits(limits.ready(), limits.stop(), limits.kill(), limits.keptOutputBytes()))
                .readOnly()
                .bareEnvironment()
                .killedWithUs();
        NbdkitPrograms installed;
        try {
            installed = NbdkitPrograms.of(spec.nbdkit());
        } catch (ServerFailed e) {
            throw new VSphereException.DiskServerFailed(e.getMessage());
        }
        for (DiskServerSpec.Filter filter : spec.filters()) {
            if (installed.hasFilter(filter.name())) {
                nbdkit.filter(filter.name());
                filter.parameters().forEach(nbdkit::parameter);
            } else {
                listener.note("This nbdkit (" + installed.version() + ") has no filter " + filter.name()
                        + "; disks are served without it.");
            }
        }
        return nbdkit;
    }

    /** Starts it, opens the disk once, and compares its size. */
    static DiskServer start(
            Nbdkit.Builder nbdkit,
            VmDisk disk,
            DiskServerSpec spec,
            String name,
            Function<String, Optional<String>> explanation,
            Listener listener) {
        DiskServerLimits limits = spec.limits();
        String readyWait = "nbdkit to listen for " + name;
        listener.waiting(readyWait, limits.ready());
        long startNanos = System.nanoTime();
        DiskServer server;
        try {
            server = new DiskServer(nbdkit.start(), name, explanation, limits, listener);
        } catch (ServerFailed e) {
            throw failed(name, explanation.apply(e.said()), e.getMessage());
        } catch (UncheckedIOException e) {
            throw failed(name, Optional.empty(), String.valueOf(e.getMessage()));
        }
        listener.waited(readyWait, Duration.ofNanos(System.nanoTime() - startNanos));
        try {
            server.probe(disk, limits);
            return server;
        } catch (RuntimeException | Error e) {
            try {
                server.close();
            } catch (RuntimeException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
    }

    private void probe(VmDisk disk, DiskServerLimits limits) {
        // A login, a connection to the host and the opening of the disk hide behind the wait for the export.
        Limits silence = Limits.of(limits.open(), limits.open()).withGreeting(limits.greeting());
        String openWait = "the first opening of " + name;
        listener.waiting(openWait, limits.open());
        long startNanos = System.nanoTime();
        Deadline deadline = Deadline.in(limits.greeting().plus(limits.open()));
        try (NbdConnection connection = NbdConnection.open(
                uri, ConnectSpec.of("probe").withLimits(silence).withDeadline(deadline))) {
            long sizeBytes = connection.info().sizeBytes();
            if (sizeBytes != disk.capacityBytes()) {
                throw new VSphereException.DiskServerFailed("The disk server shows " + sizeBytes + " bytes of " + name
                        + ", but vCenter says that it has " + disk.capacityBytes()
                        + ". The disk was resized or is not the one that was asked for: begin anew.");
            }
        } catch (NbdException e) {
            // What it says last is complete when it has ended.
            if (e instanceof NbdException.NoAnswer) {
                abandon();
            } else {
                close();
            }
            throw failed(name, explanation.apply(server.process().lastWords()), e.getMessage());
        }
        listener.waited(openWait, Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** Where it listens: a private unix socket. */
    public NbdUri uri() {
        return uri;
    }

    /** Whether it still runs. */
    public boolean isAlive() {
        return server.process().exitStatus().isEmpty();
    }

    /** Whether it lives, but what it was started with is not valid any more: another one has to take its place. */
    public boolean isOutdated() {
        return outdated.getAsBoolean();
    }

    /** From now on this tells whether it is outdated; must not block. */
    DiskServer outdatedWhen(BooleanSupplier condition) {
        outdated = condition;
        return this;
    }

    /** The process id of nbdkit. */
    public long pid() {
        return server.process().pid();
    }

    /** The end of what it said. */
    public String output() {
        return server.process().output();
    }

    /**
     * What went wrong there, as cause and remedy: asked when reading fails. Nothing if it lives and has not complained.
     */
    public Optional<String> trouble() {
        Optional<String> explained = explanation.apply(server.process().lastWords());
        if (closed || server.process().exitStatus().isEmpty()) {
            return explained.map(text -> "The disk server of " + name + ": " + text);
        }
        int status = server.process().exitStatus().getAsInt();
        String end = status > 128 ? "was ended by signal " + (status - 128) : "ended with exit status " + status;
        return Optional.of("The disk server of " + name + " (nbdkit, process " + pid() + ") " + end
                + " while it was needed: " + explained.orElse("it said nothing"));
    }

    /**
     * Asks it to end, waits, kills it, waits, removes its folder: all within the limits. It may be called again.
     *
     * @throws VSphereException.DiskServerFailed if it is still there after all this, and may keep the disk locked
     */
    @Override
    public void close() {
        end(Deadline.NEVER);
    }

    /** The same for one that does not answer any more: waiting long for it to take its leave would be in vain. */
    public void abandon() {
        end(Deadline.in(abandonLimit));
    }

    private void end(Deadline patience) {
        String endWait = "the end of the disk server of " + name;
        boolean first = !closed;
        closed = true;
        if (first) {
            listener.waiting(endWait, patience.atMost(stopLimit).plus(killLimit));
        }
        long startNanos = System.nanoTime();
        try {
            server.stop(patience);
        } catch (ServerFailed e) {
            LOG.log(WARNING, "disk server is left behind: " + e.getMessage());
            throw new VSphereException.DiskServerFailed("The disk server of " + name
                    + " would not end and may keep the disk" + " locked: " + e.getMessage());
        }
        if (first) {
            listener.waited(endWait, Duration.ofNanos(System.nanoTime() - startNanos));
        }
    }

    /** The cause in a sentence or two, if it is known; all that was said is for whoever looks more closely. */
    private static VSphereException failed(String name, Optional<String> explained, String detail) {
        explained.ifPresent(
                _ -> LOG.log(DEBUG, () -> "disk server of " + name + ": " + ServerFailed.inOneLine(detail)));
        return new VSphereException.DiskServerFailed(
                "The disk server of " + name + " failed: " + explained.orElseGet(() -> ServerFailed.inOneLine(detail)));
    }

    private static void requireSha1(VCenterSpec vc, Thumbprint seen) {
        if (seen.hex().length() != 40) {
            throw new VSphereException.BadSpec(
                    "VDDK recognises vCenter by a SHA-1 thumbprint only, and this is a SHA-256: " + seen);
        }
        if (vc.trust() instanceof Trust.Pin(Thumbprint pinned) && pinned.hex().length() == 40 && !pinned.equals(seen)) {
            throw new VSphereException.Untrusted("The certificate of " + vc.endpoint() + " has the thumbprint " + seen
                    + ", but " + pinned + " was expected.");
        }
    }

    /** Writes it once, when the process asks; what we had of it in the clear is wiped. nbdkit reads one line. */
    static ServerCommand.Secret secret(String what, Secret secret) {
        requireOneLine(what, secret);
        return channel -> {
            char[] characters = secret.reveal();
            byte[] bytes = new byte[characters.length * 3]; // Enough for any text in UTF-8.
            try {
                ByteBuffer encoded = ByteBuffer.wrap(bytes);
                StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(characters), encoded, true);
                channel.write(bytes, 0, encoded.position());
            } finally {
                Arrays.fill(bytes, (byte) 0);
                Arrays.fill(characters, '\0');
            }
        };
    }

    private static void requireOneLine(String what, Secret secret) {
        char[] characters = secret.reveal();
        boolean bad = characters.length == 0;
        for (char c : characters) {
            bad |= c == '\n' || c == '\r' || c == '\0';
        }
        Arrays.fill(characters, '\0');
        if (bad) {
            throw new VSphereException.BadSpec(
                    "the " + what + " is empty or has a line end in it, which nbdkit cannot take");
        }
    }

    private static Path vddkConf(Path folder, DiskServerSpec spec) {
        try {
            return Files.writeString(
                    folder.resolve("vddk.conf"), """
                    vixDiskLib.nfcAio.Session.BufSizeIn64KB=%d
                    vixDiskLib.nfcAio.Session.BufCount=%d
                    """.formatted(spec.asyncBufferSizeIn64KiB(), spec.asyncBufferCount()));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write VDDK's settings into " + folder, e);
        }
    }
}
