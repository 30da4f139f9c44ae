package io.migratekit.hub.repository;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which file is a layer, and on which one does it stand? A layer is named as records name it, relative to the repository;
 * what it stands on is told by its own header. Nothing is opened before it was looked at: a plain file, and no link on the
 * way to it.
 */
final class Layers {
    static final String LAYER = ".qcow2";
    static final String HASHES = ".hashes";
    static final String MANIFEST = ".json";
    static final String PUT = ".put";
    static final String PROOF = ".proof";

    private static final Pattern NAME = Pattern.compile("[0-9]{4,9}\\.qcow2");
    private static final String READ_ONLY = "r--r--r--";
    private static final String WRITABLE = "rw-r--r--";
    /** Where qemu holds its locks on a file that it has open, from 100 on what it does and from 200 on what it forbids. */
    private static final long QEMU_LOCKS = 100;

    private static final long QEMU_LOCKS_BYTES = 200;

    private final Path folder;

    Layers(Path folder) {
        this.folder = folder;
    }

    static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }

    static boolean isLayer(String layer, String vm, int key) {
        String disk = "vms/" + vm + "/disks/" + key + "/";
        return layer.startsWith(disk) && isName(layer.substring(disk.length()));
    }

    /** The number in a layer's name; it counts up for each disk. */
    static int number(String layer) {
        return Integer.parseInt(name(layer).substring(0, name(layer).length() - LAYER.length()));
    }

    static String name(String layer) {
        return layer.substring(layer.lastIndexOf('/') + 1);
    }

    /** The VM whose layer it is. */
    static String vm(String layer) {
        return Path.of(layer).getName(1).toString();
    }

    private static String beside(String layer, String name) {
        return layer.substring(0, layer.lastIndexOf('/') + 1) + name;
    }

    /** Where the layer is, or would be. */
    Path path(String layer) {
        return folder.resolve(layer);
    }

    /** Where what belongs to a layer is, or would be. */
    Path path(String layer, String suffix) {
        return folder.resolve(layer.substring(0, layer.length() - LAYER.length()) + suffix);
    }

    /** The layer's file, after it was looked at. */
    Path file(String layer) {
        Path path = folder;
        for (Path step : Path.of(layer)) {
            path = path.resolve(step);
            if (Files.isSymbolicLink(path)) {
                throw damaged(layer, path + " is a symbolic link, which is not followed; put the file itself there");
            }
        }
        if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
            throw damaged(layer, Files.exists(path) ? path + " is not a file" : "the file " + path + " is missing");
        }
        return path;
    }

    Qcow2Header header(String layer) {
        Path file = file(layer);
        try {
            return Qcow2Header.read(file);
        } catch (Qcow2Header.Unfit e) {
            throw damaged(layer, "the layer " + file + " cannot be used: " + e.getMessage());
        } catch (IOException e) {
            throw Disk.storage("cannot read " + file, e);
        }
    }

    /** What the file of a layer holds besides data, see {@link Structure}. */
    String structure(String layer) {
        Path file = file(layer);
        try {
            return Structure.of(file);
        } catch (Qcow2Header.Unfit e) {
            throw damaged(layer, "the layer " + file + " cannot be used: " + e.getMessage());
        } catch (IOException e) {
            throw Disk.storage("cannot read " + file, e);
        }
    }

    /** Where on the disk the layer itself holds something, as far as there is time to look. */
    LayerMap map(String layer, Duration limit) {
        long diskBytes = header(layer).diskBytes();
        Path file = file(layer);
        try {
            return LayerMap.of(layer, file, diskBytes, limit);
        } catch (Qcow2Header.Unfit e) {
            throw damaged(layer, "the layer " + file + " cannot be used: " + e.getMessage());
        } catch (IOException e) {
            throw Disk.storage("cannot read " + file, e);
        }
    }

    /** The layer on which this one stands; nothing, if it is a full one. */
    Optional<String> below(String layer) {
        return header(layer).backing().map(name -> beside(layer, name));
    }

    /** This layer and all below it, from the top; each was looked at, and is one of a disk of this size. */
    List<String> chain(String layer, long diskBytes) {
        List<String> chain = new ArrayList<>();
        for (Optional<String> next = Optional.of(layer); next.isPresent(); ) {
            String now = next.get();
            Qcow2Header header = header(now);
            if (chain.contains(now) || header.diskBytes() != diskBytes) {
                throw damaged(
                        now,
                        chain.contains(now)
                                ? "the layer stands on itself: " + chain
                                : "the layer is one of a disk of " + header.diskBytes() + " bytes, not of "
                                        + diskBytes);
            }
            chain.add(now);
            next = header.backing().map(name -> beside(now, name));
        }
        return chain;
    }

    /** The layers whose headers name this one, whether a record knows them or not. */
    List<String> standingOn(String layer) {
        List<String> all = new ArrayList<>();
        for (Path file : Disk.list(folder.resolve(layer).resolveSibling("."))) {
            String other = beside(layer, file.getFileName().toString());
            if (isName(name(other)) && !other.equals(layer) && below(other).equals(Optional.of(layer))) {
                all.add(other);
            }
        }
        return all;
    }

    boolean isMissing(String layer) {
        return Files.notExists(folder.resolve(layer), LinkOption.NOFOLLOW_LINKS);
    }

    long bytes(String layer) {
        try {
            return Files.size(folder.resolve(layer));
        } catch (IOException e) {
            return 0; // It went just now, or is to be made.
        }
    }

    void makeReadOnly(String layer) {
        Disk.permit(file(layer), READ_ONLY);
    }

    void makeWritable(String layer) {
        Disk.permit(file(layer), WRITABLE);
    }

    /** A process that serves or reads a layer, or one above it, has qemu's locks on its file. The layer must be writable. */
    boolean isInUse(String layer) {
        Path file = file(layer);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
                FileLock lock = channel.tryLock(QEMU_LOCKS, QEMU_LOCKS_BYTES, false)) {
            return lock == null;
        } catch (IOException e) {
            throw Disk.storage("cannot find out whether " + file + " is in use", e);
        }
    }

    /** The layer goes last: without it, what belongs to it would mean nothing, but not the other way round. */
    void remove(String layer) {
        for (String suffix : List.of(MANIFEST, PROOF, HASHES, PUT, LAYER)) {
            Disk.remove(path(layer, suffix));
        }
    }

    static RepositoryException damaged(String layer, String what) {
        return new RepositoryException.Damaged(layer, -1, what);
    }
}
