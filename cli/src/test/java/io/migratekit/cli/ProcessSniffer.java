package io.migratekit.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Is a secret among the arguments or in the environment of any process, even for a moment? Looks at all processes of the machine again
 * and again: whose they are does not matter, since nobody else can know the secrets.
 */
final class ProcessSniffer implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofMillis(5);

    private final Canaries canaries;
    private final Set<String> found = ConcurrentHashMap.newKeySet();
    private final Thread thread;
    private volatile boolean ended;
    private final AtomicInteger rounds = new AtomicInteger();

    ProcessSniffer(Canaries canaries) {
        this.canaries = canaries;
        thread = Thread.ofPlatform().daemon().name("sniffer").start(this::sniff);
    }

    private void sniff() {
        while (!ended) {
            try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
                processes
                        .filter(path ->
                                Character.isDigit(path.getFileName().toString().charAt(0)))
                        .forEach(this::look);
                rounds.incrementAndGet();
                Thread.sleep(PAUSE);
            } catch (IOException e) {
                throw new AssertionError(e);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void look(Path process) {
        for (String part : new String[] {"cmdline", "environ"}) {
            byte[] bytes;
            try {
                bytes = Files.readAllBytes(process.resolve(part));
            } catch (IOException e) {
                continue; // It has ended meanwhile, or is none of ours.
            }
            canaries.in(bytes).forEach(what -> found.add(what + " in " + part + " of a process"));
        }
    }

    /** What was seen so far. */
    Set<String> found() {
        return new TreeSet<>(found);
    }

    /** How often it has looked at all of them. */
    int rounds() {
        return rounds.get();
    }

    @Override
    public void close() {
        ended = true;
        if (!joined()) {
            throw new AssertionError("the sniffer does not end");
        }
    }

    private boolean joined() {
        try {
            return thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
