package io.migratekit.vmware;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * With which program, library and options are disks served?
 *
 * @param source by which road the disks are read
 * @param nbdkit the program, a name to look up on the PATH or a path
 * @param plugin the plugin that reads VMware's disks, then its own first parameters if it needs any
 * @param libdir where VDDK was unpacked; without it the plugin looks where it was built to look
 * @param transports how VDDK may reach the data, in this order, such as {@code nbdssl:nbd}
 * @param compression of the data on its way from the host: none, zlib, fastlz or skipz
 * @param filters what stands between client and plugin; the first one is the nearest to the client
 * @param asyncBufferSizeIn64KiB the size of VDDK's buffers for reads in flight; helps where many disks are read at once
 * @param asyncBufferCount how many of them each disk gets
 * @param verbose whether nbdkit and VDDK tell what they do, at the price of speed
 */
public record DiskServerSpec(
        Source source,
        String nbdkit,
        List<String> plugin,
        Optional<Path> libdir,
        String transports,
        String compression,
        List<Filter> filters,
        int asyncBufferSizeIn64KiB,
        int asyncBufferCount,
        boolean verbose,
        DiskServerLimits limits) {

    /** By which road are disks read? */
    public enum Source {
        /** Through VMware's library, from the ESXi host: every disk that a snapshot covers. */
        VDDK,
        /** From the HTTPS folder of the datastore, through vCenter: where {@link FolderSource} allows it. */
        FOLDER
    }

    /** A filter of nbdkit with its parameters; one that this nbdkit lacks is left out together with them. */
    public record Filter(String name, List<String> parameters) {
        public Filter {
            parameters = List.copyOf(parameters);
        }
    }

    /**
     * One connection a disk is fastest, so multi-conn is denied. Requests larger than 2 MiB exhaust the host's NFC
     * buffers. VDDK lists extents very slowly, so they are asked once. The retries take 7 seconds in all, which is less
     * than the silence after which the client at the other end gives up.
     */
    public static final List<Filter> FILTERS = List.of(
            new Filter("multi-conn", List.of("multi-conn-mode=disable")),
            new Filter("blocksize", List.of("minblock=512", "maxdata=2M")),
            new Filter("cacheextents", List.of()),
            new Filter("retry", List.of("retries=3", "retry-delay=1")));

    public static final DiskServerSpec DEFAULT = new DiskServerSpec(
            Source.VDDK,
            "nbdkit",
            List.of("vddk"),
            Optional.empty(),
            "nbdssl:nbd",
            "none",
            FILTERS,
            16,
            4,
            false,
            DiskServerLimits.DEFAULT);

    public DiskServerSpec {
        plugin = List.copyOf(plugin);
        filters = List.copyOf(filters);
        if (plugin.isEmpty()) {
            throw new VSphereException.BadSpec("no nbdkit plugin is named; the one for VMware's disks is called vddk");
        }
        libdir.filter(path -> !path.isAbsolute()).ifPresent(path -> {
            throw new VSphereException.BadSpec(
                    "the folder of VDDK has to be an absolute path, and this is none: " + path);
        });
    }

    public DiskServerSpec withSource(Source road) {
        return new DiskServerSpec(
                road,
                nbdkit,
                plugin,
                libdir,
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                limits);
    }

    public DiskServerSpec withNbdkit(String program) {
        return new DiskServerSpec(
                source,
                program,
                plugin,
                libdir,
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                limits);
    }

    public DiskServerSpec withPlugin(List<String> words) {
        return new DiskServerSpec(
                source,
                nbdkit,
                words,
                libdir,
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                limits);
    }

    public DiskServerSpec withLibdir(Path folder) {
        return new DiskServerSpec(
                source,
                nbdkit,
                plugin,
                Optional.of(folder),
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                limits);
    }

    public DiskServerSpec withFilters(List<Filter> newFilters) {
        return new DiskServerSpec(
                source,
                nbdkit,
                plugin,
                libdir,
                transports,
                compression,
                newFilters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                limits);
    }

    public DiskServerSpec withVerbose(boolean tell) {
        return new DiskServerSpec(
                source,
                nbdkit,
                plugin,
                libdir,
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                tell,
                limits);
    }

    public DiskServerSpec withLimits(DiskServerLimits newLimits) {
        return new DiskServerSpec(
                source,
                nbdkit,
                plugin,
                libdir,
                transports,
                compression,
                filters,
                asyncBufferSizeIn64KiB,
                asyncBufferCount,
                verbose,
                newLimits);
    }
}
