package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.restore.ThrowAway;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.tunnel.Forward;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How is a restore point looked into, or started, without restoring it? */
@Command(
        name = "serve-point",
        description = {
            "Serve the disks of a restore point as NBD until a signal comes: to look into it, to take files out, or, with"
                    + " --writable, to start the VM right away.",
            "",
            "The restore point is verified first, and is never written to: with --writable each disk is an overlay that is"
                    + " thrown away in the end. Each disk's URI is printed when it is ready."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubServePointCommand implements Callable<Integer> {
    private static final Pattern PORT = Pattern.compile("(?:127\\.0\\.0\\.1|localhost):([0-9]{1,5})");
    private static final int MOST_PORT = 65_535;
    /** Linux has no room for more in an address. */
    private static final int LONGEST_SOCKET = 107;

    private static final int CLIENTS = 16;
    private static final long LOOK_MILLIS = 500;

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ProgressOptions progress;

    @Parameters(paramLabel = "ID", description = "The restore point: the job id that made it.")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Option(names = "--disk", paramLabel = "KEY", description = "Only this disk; may be repeated (default: all).")
    private List<Integer> only = new ArrayList<>();

    @Option(
            names = "--listen",
            paramLabel = "ADDR",
            description = "127.0.0.1:PORT for the first disk, the next ports for others, or unix:DIR for sockets in a"
                    + " folder (default: sockets in a private folder).")
    private @Nullable String listen;

    @Option(names = "--writable", description = "Let clients write; what they write is thrown away in the end.")
    private boolean writable;

    @Option(
            names = "--overlay-dir",
            paramLabel = "DIR",
            description = "Where what they write is kept meanwhile (default: the folder for temporary files).")
    private @Nullable Path overlays;

    @Option(names = "--unverified", description = "Do not verify the restore point first.")
    private boolean unverified;

    HubServePointCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        return hub.ask(console, this::serve);
    }

    private int serve(HubView view) {
        JsonObject point = view.backup(id);
        List<Integer> keys = HubText.sealedDisks(point);
        if (!HubText.text(point, "state").equals("sealed") || !keys.containsAll(only) || keys.isEmpty()) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    HubText.text(point, "state").equals("sealed")
                            ? "restore point " + id + " has the disks " + keys
                            : "backup " + id + " is not sealed; there is nothing to serve yet");
        }
        List<Integer> wanted = only.isEmpty() ? keys : only;
        // Before minutes are spent on verifying.
        Map<Integer, ThrowAway.Listen> places = places(wanted);
        places.values().forEach(HubServePointCommand::requireFree);
        if (!unverified) {
            verify(view, HubText.text(point, "vm"));
        }
        Path folder = overlays == null ? Path.of(System.getProperty("java.io.tmpdir")) : overlays;
        try (PointReading reading = view.read(new PointReading.Wanted(id, wanted, CLIENTS));
                ThrowAway served = new ThrowAway(folder.toAbsolutePath(), writable, CLIENTS)) {
            JsonArray disks = new JsonArray();
            for (int key : wanted) {
                String uri = served.serve(key, reading.backing(key), Optional.ofNullable(places.get(key)));
                JsonObject disk = new JsonObject();
                disk.addProperty("key", key);
                disk.addProperty("uri", uri);
                disks.add(disk);
            }
            print(disks);
            return stay(served);
        }
    }

    private void verify(HubView view, String vm) {
        VerifyProgress told = new VerifyProgress();
        JsonObject report;
        try (ProgressDisplay display = progress.display(console, told::view)) {
            display.start();
            report = view.verify(new HubView.Verify(vm, Optional.of(id), Optional.empty(), 0), told::at);
        }
        boolean isGood = report.getAsJsonArray("good").asList().stream()
                .anyMatch(one -> one.getAsString().equals(id));
        if (!isGood) {
            boolean isDamaged = !report.getAsJsonArray("damage").isEmpty();
            throw new CommandFailed(
                    isDamaged ? ExitCode.CHAIN_BROKEN : ExitCode.FAILED,
                    "restore point " + id + (isDamaged ? " is damaged" : " could not be verified")
                            + " and is not served; `migratekit hub verify " + id
                            + "` says where. --unverified serves it"
                            + " nevertheless");
        }
        console.say("restore point " + id + " was verified: every byte is what was sealed");
    }

    private Map<Integer, ThrowAway.Listen> places(List<Integer> keys) {
        Map<Integer, ThrowAway.Listen> places = new TreeMap<>();
        if (listen == null) {
            return places;
        }
        Matcher port = PORT.matcher(listen);
        if (listen.startsWith("unix:") && listen.length() > 5) {
            Path folder = Path.of(listen.substring(5)).toAbsolutePath();
            try {
                Files.createDirectories(folder);
            } catch (IOException e) {
                throw new CommandFailed(ExitCode.LOCAL_STATE, "cannot make " + folder + ": " + SafeFiles.reason(e));
            }
            keys.forEach(key -> places.put(key, new ThrowAway.Listen.Socket(folder.resolve("disk-" + key + ".sock"))));
        } else if (port.matches() && Integer.parseInt(port.group(1)) + keys.size() - 1 <= MOST_PORT) {
            int first = Integer.parseInt(port.group(1));
            for (int i = 0; i < keys.size(); i++) {
                places.put(keys.get(i), new ThrowAway.Listen.Port(first == 0 ? 0 : first + i));
            }
        } else {
            throw new ParameterException(
                    spec.commandLine(),
                    "--listen: " + listen + " is neither 127.0.0.1:PORT nor unix:DIR; others reach it through SSH");
        }
        return places;
    }

    private static void requireFree(ThrowAway.Listen place) {
        try {
            switch (place) {
                case ThrowAway.Listen.Port(int port) -> {
                    try (ServerSocket probe = new ServerSocket()) {
                        probe.setReuseAddress(true);
                        probe.bind(Forward.loopback(port));
                    }
                }
                case ThrowAway.Listen.Socket(Path path) -> {
                    if (path.toString().length() > LONGEST_SOCKET) {
                        throw new IOException("a socket's path has at most " + LONGEST_SOCKET + " characters");
                    }
                }
            }
        } catch (IOException e) {
            throw new CommandFailed(ExitCode.USAGE, "cannot serve at " + place.words() + ": " + SafeFiles.reason(e));
        }
    }

    private void print(JsonArray disks) {
        if (hub.json()) {
            JsonObject all = new JsonObject();
            all.addProperty("point", id);
            all.addProperty("writable", writable);
            all.add("disks", disks);
            console.out().println(all);
        } else {
            disks.forEach(disk -> console.out()
                    .println("disk " + HubText.text(disk.getAsJsonObject(), "key") + ": "
                            + HubText.text(disk.getAsJsonObject(), "uri")));
        }
        console.out().flush();
        console.say("serving " + (writable ? "overlays that will be thrown away" : "read-only")
                + " until Ctrl-C or a signal");
    }

    /** Until the thread is interrupted, which is what a signal does. */
    private static int stay(ThrowAway served) {
        try {
            while (true) {
                TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
                Optional<String> lost = served.lost();
                if (lost.isPresent()) {
                    throw new CommandFailed(ExitCode.NBD_UNREACHABLE, lost.get());
                }
            }
        } catch (InterruptedException e) {
            return ExitCode.INTERRUPTED.code(); // The end is left to those who wait with limits of their own.
        }
    }
}
