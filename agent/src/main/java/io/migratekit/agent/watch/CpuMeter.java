package io.migratekit.agent.watch;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Does a thread that does not look at its connections compute, or does it stand somewhere? Asked only of such threads,
 * because the JDK's management classes cost time to load.
 */
final class CpuMeter {
    private record Sample(long cpuNanos, long atNanos, double share) {}

    private final Map<Long, Sample> samples = new ConcurrentHashMap<>();
    private @Nullable ThreadMXBean threads;
    private boolean unavailable;

    /** Measures from the last call on; on the monitor's thread. */
    void sample(Thread thread, long nowNanos) {
        ThreadMXBean bean = bean();
        if (bean == null) {
            return;
        }
        long cpu = bean.isThreadCpuTimeSupported() ? bean.getThreadCpuTime(thread.threadId()) : -1;
        if (cpu < 0) {
            return;
        }
        Sample last = samples.get(thread.threadId());
        double share = last == null || nowNanos - last.atNanos <= 0
                ? Double.NaN
                : (cpu - last.cpuNanos) / (double) (nowNanos - last.atNanos);
        samples.put(thread.threadId(), new Sample(cpu, nowNanos, share));
    }

    /** Without descriptors the JDK cannot load its library for this, and would end the monitor's thread by an error. */
    private @Nullable ThreadMXBean bean() {
        if (threads == null && !unavailable) {
            try {
                threads = ManagementFactory.getThreadMXBean();
            } catch (LinkageError e) {
                unavailable = true;
            }
        }
        return threads;
    }

    /** The worker looks at its connections again. */
    void forget(Thread thread) {
        samples.remove(thread.threadId());
    }

    /** The part of a CPU that was used between the last two samples; NaN if unknown. */
    double share(WorkerView worker) {
        Thread thread = worker.thread();
        Sample sample = thread == null ? null : samples.get(thread.threadId());
        return sample == null ? Double.NaN : sample.share;
    }
}
