package io.migratekit.nbd.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Is somebody working on this job right now? The kernel keeps the lock, and drops it when the process
 * dies, however it dies: nothing stale can be in the way.
 *
 * <p>A runner locks two bytes. Byte 0 keeps other runners out, and nobody else touches it, so that a
 * refusal is always right. Byte 1 is what onlookers try, shared and for a moment, to tell a live job
 * from a dead one.
 *
 * <p>These locks belong to the process, not to the descriptor: closing any descriptor of the file
 * drops them all. Hence {@link #HELD}, which keeps onlookers of our own process away from a file that
 * we hold, and the monitor around everything that opens it.
 */
public final class ProcessLock implements AutoCloseable {
    private static final long RUNNER_BYTE = 0;
    private static final long ONLOOKER_BYTE = 1;
    private static final long ONLOOKER_LIMIT_NANOS = 500_000_000;
    private static final long ONLOOKER_POLL_NANOS = 5_000_000;

    /** The files (device and inode) that this process has locked; guarded by the class. */
    private static final Set<Object> HELD = new HashSet<>();

    private final Object key;
    private final FileChannel channel;
    private boolean released;

    private ProcessLock(Object key, FileChannel channel) {
        this.key = key;
        this.channel = channel;
    }

    /** Takes the lock, or gives nothing if another runner has it. */
    public static Optional<ProcessLock> tryAcquire(Path file) throws IOException {
        synchronized (ProcessLock.class) {
            SafeFiles.makeFile(file);
            Object key = key(file);
            if (HELD.contains(key)) {
                return Optional.empty();
            }
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                if (tryLock(channel, RUNNER_BYTE, false)) {
                    waitForOnlookers(channel);
                    HELD.add(key);
                    ProcessLock lock = new ProcessLock(key, channel);
                    channel = null;
                    return Optional.of(lock);
                }
                return Optional.empty();
            } finally {
                if (channel != null) {
                    channel.close();
                }
            }
        }
    }

    /** Whether some process holds the lock; it does not notice that it was asked. */
    public static boolean isHeld(Path file) throws IOException {
        synchronized (ProcessLock.class) {
            try {
                if (HELD.contains(key(file))) {
                    return true;
                }
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                    return !tryLock(channel, ONLOOKER_BYTE, true);
                }
            } catch (NoSuchFileException e) {
                return false;
            }
        }
    }

    @Override
    public void close() {
        synchronized (ProcessLock.class) {
            if (released) {
                return;
            }
            released = true;
            HELD.remove(key);
            try {
                channel.close();
            } catch (IOException e) {
                // The descriptor is gone in any case, and the lock with it.
                System.getLogger(ProcessLock.class.getName()).log(System.Logger.Level.DEBUG, "closing a lock", e);
            }
        }
    }

    /**
     * An onlooker is gone in no time, unless it is frozen. Not to be seen as running by others is a
     * lesser evil than not to run because of it.
     */
    private static void waitForOnlookers(FileChannel channel) throws IOException {
        long end = System.nanoTime() + ONLOOKER_LIMIT_NANOS;
        while (!tryLock(channel, ONLOOKER_BYTE, false) && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(ONLOOKER_POLL_NANOS);
        }
    }

    private static boolean tryLock(FileChannel channel, long position, boolean shared) throws IOException {
        // The lock lives as long as the channel.
        FileLock lock = channel.tryLock(position, 1, shared);
        return lock != null;
    }

    private static Object key(Path file) throws IOException {
        return Objects.requireNonNull(
                Files.readAttributes(file, BasicFileAttributes.class).fileKey(), "a file system without inodes");
    }
}
