package io.migratekit.agent.migration;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.vmware.VSphereException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How are several disks copied at once, so that one which fails takes nothing from the others? Each has a thread of
 * its own, as many at a time as are allowed; only somebody who wants to stop stops them all.
 */
final class DiskCrew<T> {
    private static final Duration LOOK = Duration.ofMillis(200);

    private final Queue<Integer> waiting;
    private final Task<T> task;
    private final Map<Integer, T> done = new TreeMap<>();
    private final Map<Integer, RuntimeException> failed = new LinkedHashMap<>();
    private final List<Thread> threads = new ArrayList<>();
    private boolean stopped;

    /** Copies one disk. */
    interface Task<T> {
        T run(int disk);
    }

    DiskCrew(List<Integer> disks, Task<T> task) {
        this.waiting = new ArrayDeque<>(disks);
        this.task = task;
    }

    /** Runs them all and returns when the last one has ended, well or not. */
    Map<Integer, T> run(int atOnce) {
        for (int i = 0; i < Math.min(atOnce, waiting.size()); i++) {
            Thread thread = new Thread(this::work, "disks-" + (i + 1));
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join(LOOK);
                } catch (InterruptedException e) {
                    interrupted = true;
                    stop();
                }
            }
        }
        if (interrupted) {
            throw new MigrationException.Interrupted("stopped");
        }
        return result();
    }

    private synchronized void stop() {
        stopped = true;
        threads.forEach(Thread::interrupt);
    }

    private void work() {
        for (Integer disk = next(); disk != null; disk = next()) {
            try {
                T result = task.run(disk);
                synchronized (this) {
                    done.put(disk, result);
                }
            } catch (RuntimeException e) {
                synchronized (this) {
                    failed.put(disk, e);
                }
            }
        }
    }

    private synchronized @Nullable Integer next() {
        return stopped ? null : waiting.poll();
    }

    private synchronized Map<Integer, T> result() {
        if (failed.isEmpty()) {
            return done;
        }
        Map.Entry<Integer, RuntimeException> first =
                failed.entrySet().iterator().next();
        if ((failed.size() == 1 && done.isEmpty()) || isAboutEverything(first.getValue())) {
            throw first.getValue();
        }
        List<String> words = new ArrayList<>();
        failed.forEach((disk, failure) -> words.add("disk " + disk + " failed: "
                + String.valueOf(failure.getMessage()).replaceFirst("\\.$", "")));
        if (!done.isEmpty()) {
            words.add("done and durable: disk " + done.keySet());
        }
        Map<Integer, String> why = new LinkedHashMap<>();
        failed.forEach((disk, failure) -> why.put(disk, String.valueOf(failure.getMessage())));
        throw new MigrationException.DisksFailed(String.join("; ", words), first.getValue(), why);
    }

    private static boolean isAboutEverything(RuntimeException failure) {
        return failure instanceof CopyException.Interrupted || failure instanceof VSphereException.Cancelled;
    }
}
