package io.migratekit.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A real `hub serve` in a process of its own, that can be killed and started again over the same repository. */
final class HubProcess implements AutoCloseable {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final Path folder;
    private final List<String> before;
    private final List<String> words = new ArrayList<>();
    private CopyProcess process;

    private HubProcess(Path folder, List<String> before, String... more) {
        this.folder = folder;
        this.before = before;
        words.addAll(List.of("hub", "serve", "--repository", repository().toString()));
        words.addAll(List.of("--listen", "unix:" + socket(), "--exports", "unix:" + sockets()));
        words.addAll(List.of("--reserve", "1M", "--keep-at-least", "0s"));
        words.addAll(List.of(more));
        process = launch();
    }

    /** Comes back when it serves. Exports and API are unix sockets in the folder, unless more is said. */
    static HubProcess start(Path folder, String... more) throws IOException {
        return start(folder, List.of(), more);
    }

    /** The same with words in front; see {@link CopyProcess#start}. */
    static HubProcess start(Path folder, List<String> before, String... more) throws IOException {
        return new HubProcess(Files.createDirectories(folder), before, more);
    }

    private CopyProcess launch() {
        CopyProcess launched = CopyProcess.start(folder, before, words);
        launched.awaitSaid("hub serves", SOON);
        return launched;
    }

    Path repository() {
        return folder.resolve("repository");
    }

    /** Where its exports listen. */
    Path sockets() {
        return folder.resolve("x");
    }

    Path socket() {
        return folder.resolve("api");
    }

    /** The words with which a command finds it. */
    List<String> to() {
        return List.of("--hub", "unix:" + socket());
    }

    String said() {
        return process.err();
    }

    CopyProcess process() {
        return process;
    }

    /** The processes that serve layers. */
    List<Long> exports() {
        return ProcessHandle.of(process.pid()).stream()
                .flatMap(ProcessHandle::descendants)
                .filter(one -> one.info().command().orElse("").endsWith("qemu-nbd"))
                .map(ProcessHandle::pid)
                .toList();
    }

    /** The process that serves this disk's layer. */
    long export(int disk) {
        return exports().stream()
                .filter(pid -> ProcessHandle.of(pid)
                        .flatMap(one -> one.info().commandLine())
                        .orElse("")
                        .contains("-" + disk + " "))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nobody serves disk " + disk));
    }

    /** Kills it without a warning; its exports may live on. */
    void kill() {
        process.kill();
    }

    void startAgain() {
        process = launch();
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            process.signal("TERM");
        }
        process.end(SOON);
    }

    /** Where it said that it listens over TCP. */
    String url() {
        Matcher url = Pattern.compile("http://127\\.0\\.0\\.1:[0-9]+").matcher(said());
        if (!url.find()) {
            throw new AssertionError("it did not say where it listens: " + said());
        }
        return url.group();
    }
}
