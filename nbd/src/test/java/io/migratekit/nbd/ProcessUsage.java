package io.migratekit.nbd;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What does this process hold that a leak would make grow?
 *
 * @param mallocBytes what malloc has given out and not got back: libnbd's memory and that of native arenas
 * @param codeBytes machine code, among it the stubs by which C calls Java
 */
record ProcessUsage(int descriptors, int threads, long mallocBytes, long codeBytes) {
    /** struct mallinfo2 of glibc: ten numbers, the fifth for memory that is mapped, the eighth for other memory in use. */
    private static final int HBLKHD = 4;

    private static final int UORDBLKS = 7;
    private static final MemoryLayout MALLINFO2 =
            MemoryLayout.structLayout(MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG));
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle MALLINFO =
            LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("mallinfo2"), FunctionDescriptor.of(MALLINFO2));

    static ProcessUsage now() {
        System.gc(); // What only waits for the collector is not leaked.
        return new ProcessUsage(
                entriesOf("/proc/self/fd"), entriesOf("/proc/self/task"), allocatedByMalloc(), generatedCode());
    }

    static int openDescriptors() {
        return entriesOf("/proc/self/fd");
    }

    private static int entriesOf(String directory) {
        try (Stream<Path> entries = Files.list(Path.of(directory))) {
            return (int) entries.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static long allocatedByMalloc() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = (MemorySegment) MALLINFO.invokeExact((SegmentAllocator) arena);
            return info.getAtIndex(ValueLayout.JAVA_LONG, UORDBLKS) + info.getAtIndex(ValueLayout.JAVA_LONG, HBLKHD);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static long generatedCode() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getName().toLowerCase(Locale.ROOT).contains("code"))
                .map(MemoryPoolMXBean::getUsage)
                .mapToLong(MemoryUsage::getUsed)
                .sum();
    }
}
