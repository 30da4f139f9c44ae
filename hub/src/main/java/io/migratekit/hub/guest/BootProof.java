package io.migratekit.hub.guest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.hub.guest.BootJudge.Finding;
import io.migratekit.hub.guest.BootResult.Verdict;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.server.ServerFailed;
import io.migratekit.nbd.server.ServerLimits;
import io.migratekit.nbd.server.ServerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Does a restore point boot? Its disks are started in a virtual machine without a network, on overlays that are thrown
 * away, until the guest shows that it lives, or that it failed, or the time is over.
 */
public final class BootProof {
    private static final System.Logger LOG = System.getLogger(BootProof.class.getName());
    private static final int LAST_LINES = 12;
    /** A guest on TCG takes longer for each of its steps. */
    private static final int TCG_IS_SLOWER = 2;

    private final BootRequest request;
    private final BootLimits limits;
    private final ServerProcess qemu;
    private final Qmp qmp;
    private final SerialLog serial;
    private final GuestScreen screen;
    private final BootJudge judge;
    private final boolean isKvm;
    private final long startNanos = System.nanoTime();
    private Duration nextPicture = Duration.ZERO;
    private @Nullable Picture handedOver;

    private BootProof(BootRequest request, ServerProcess qemu, Qmp qmp) throws IOException {
        this.request = request;
        this.limits = request.limits();
        this.qemu = qemu;
        this.qmp = qmp;
        this.serial = new SerialLog(BootMachine.serial(qemu.directory()));
        this.screen = new GuestScreen(qmp, qemu.directory());
        this.isKvm = new Facts(qmp.ask("query-kvm", new JsonObject())).isTrue("enabled");
        this.judge = new BootJudge(request.expect(), limits.settle().multipliedBy(isKvm ? 1 : TCG_IS_SLOWER));
    }

    /**
     * Boots it and says what was seen. It takes at most the request's {@code limit} and about a minute; when it returns, qemu
     * has ended and nothing of it is left but picture and log.
     *
     * @throws ServerFailed if qemu is not installed or does not start
     * @throws BootFailed if it could not be tried for another reason
     */
    public static BootResult run(BootRequest request) {
        makeRoom(request.screenshot().toAbsolutePath());
        return once(request).or(() -> once(request.onTcg())).orElseThrow();
    }

    /** Known before minutes are spent: whether the picture can be kept. */
    private static void makeRoom(Path screenshot) {
        try {
            Path folder = SafeFiles.parent(screenshot);
            Files.createDirectories(folder);
            Files.deleteIfExists(screenshot); // Of another boot: nobody shall take it for that of this one.
            if (!Files.isWritable(folder)) {
                throw new IOException("the folder cannot be written to");
            }
        } catch (IOException e) {
            throw new BootFailed(
                    "there is no place for the picture " + screenshot + " (" + e.getMessage() + "): choose another one",
                    e);
        }
    }

    /** Nothing, if KVM is of no use here. */
    private static Optional<BootResult> once(BootRequest request) {
        ServerLimits patience = ServerLimits.DEFAULTS.withReady(request.limits().answer());
        try (ServerProcess qemu = ServerProcess.start(folder -> BootMachine.command(request, folder), patience)) {
            Qmp monitor;
            try {
                monitor = monitor(qemu, request.limits());
            } catch (ServerFailed e) {
                if (request.accelerator() == BootRequest.Accelerator.BEST && !qemu.isAlive()) {
                    LOG.log(
                            System.Logger.Level.INFO,
                            () -> "boot: qemu does not start with KVM here (" + e.said() + "); once more with TCG");
                    return Optional.empty();
                }
                throw e;
            }
            try (Qmp qmp = monitor) {
                return new BootProof(request, qemu, qmp).watch();
            } catch (IOException e) {
                throw new BootFailed(
                        "qemu could not be watched any longer: " + e.getMessage() + " " + qemu.lastWords(), e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new BootFailed("interrupted while a guest was booting; nothing of it is left", e);
            }
        } catch (UncheckedIOException e) {
            throw new BootFailed("a guest could not be prepared: " + e.getMessage(), e);
        }
    }

    private static Qmp monitor(ServerProcess qemu, BootLimits limits) {
        AtomicReference<@Nullable Qmp> open = new AtomicReference<>();
        qemu.awaitReady("its monitor", () -> {
            try {
                open.set(Qmp.open(BootMachine.monitor(qemu.directory()), limits.answer()));
                return true;
            } catch (IOException notThereYet) {
                return false;
            }
        });
        return Objects.requireNonNull(open.get());
    }

    private Optional<BootResult> watch() throws IOException, InterruptedException {
        LOG.log(
                System.Logger.Level.DEBUG,
                () -> "boot pid=" + qemu.pid() + " waiting up to " + Durations.show(limits.limit())
                        + " for a sign of life");
        while (true) {
            String status = status(); // Before the text, so that what a guest said at last is read.
            if (request.accelerator() == BootRequest.Accelerator.BEST && isKvm && isOfNoUse(status)) {
                LOG.log(System.Logger.Level.INFO, "boot: KVM is of no use here (" + status + "); once more with TCG");
                return Optional.empty();
            }
            Optional<Finding> finding = look(status);
            if (finding.isPresent()) {
                return Optional.of(finish(finding.get()));
            }
            if (now().compareTo(limits.limit()) >= 0) {
                return Optional.of(finish(judge.ended("the limit of " + Durations.show(limits.limit()) + " is over")));
            }
            Thread.sleep(limits.look());
        }
    }

    /** KVM within another VM may be slow at a BIOS, since it has to imitate it, or not be able to execute a guest at all. */
    private boolean isOfNoUse(String status) {
        boolean isSlow = request.machine().firmware() == Firmware.BIOS
                && judge.furthest().compareTo(Sign.HANDED_OVER) < 0
                && now().compareTo(limits.firmware()) >= 0;
        return isSlow || status.equals("internal-error");
    }

    private Optional<Finding> look(String status) throws IOException {
        Optional<Finding> finding = judge.text(serial.look(), now());
        if (finding.isPresent()) {
            return finding;
        }
        if (serial.size() > limits.serialBytes()) {
            return Optional.of(
                    judge.ended("the guest wrote more than " + limits.serialBytes() + " bytes on its serial port"));
        }
        switch (status) {
            case "running" -> judge.sign(Processors.sign(qmp.human("info registers -a")), now());
            case "shutdown", "suspended" -> {
                return Optional.of(judge.ended("the guest switched itself off or restarted"));
            }
            case "guest-panicked" -> {
                return Optional.of(new Finding(Verdict.DEAD, judge.furthest(), "the guest told qemu that it panicked"));
            }
            default ->
                throw new BootFailed(
                        "qemu stopped the guest (" + status + "): " + qemu.output()
                                + (status.equals("io-error")
                                        ? " (is there room left in " + qemu.directory() + "?)"
                                        : " (try it without KVM)"),
                        null);
        }
        if (now().compareTo(nextPicture) >= 0) {
            nextPicture = now().plus(limits.picture());
            finding = screen();
        }
        return finding.or(() -> judge.settled(now()));
    }

    /** What is on the screen while the firmware works is its own; from then on, each change counts. */
    private Optional<Finding> screen() throws IOException {
        Picture picture = screen.picture();
        Optional<Finding> finding = picture.isText() ? judge.text(screen.text(), now()) : Optional.empty();
        if (judge.furthest().compareTo(Sign.HANDED_OVER) < 0) {
            return finding;
        }
        if (handedOver == null) {
            handedOver = picture;
        } else if (picture.differsFrom(handedOver)) {
            judge.sign(Sign.SCREEN, now());
        }
        return finding;
    }

    private BootResult finish(Finding finding) throws IOException {
        Duration waited = now();
        String accelerator = isKvm ? "kvm" : "tcg";
        Path place = request.screenshot().toAbsolutePath();
        Path screenshot = screen.save(place);
        Path log = request.serialLog().toAbsolutePath();
        if (serial.size() > 0) {
            Files.copy(BootMachine.serial(qemu.directory()), log, StandardCopyOption.REPLACE_EXISTING);
        } else {
            Files.write(log, new byte[0]);
        }
        return new BootResult(
                finding.verdict(),
                finding.sign(),
                finding.why() + hint(finding),
                waited,
                accelerator,
                screenshot,
                log,
                serial.lastLines(LAST_LINES));
    }

    /** What a guest with EFI may miss here although all of its disks are right. */
    private String hint(Finding finding) {
        boolean isLost = request.machine().firmware() == Firmware.EFI
                && finding.verdict() == Verdict.DEAD
                && finding.sign().compareTo(Sign.HANDED_OVER) <= 0;
        return isLost
                ? " (which file EFI starts stood in the VM's NVRAM, which is not part of a backup; without it only"
                        + " EFI/BOOT/BOOTX64.EFI is found)"
                : "";
    }

    private String status() throws IOException {
        JsonElement answer = qmp.ask("query-status", new JsonObject());
        return new Facts(answer).text("status");
    }

    private Duration now() {
        return Duration.ofNanos(System.nanoTime() - startNanos);
    }
}
