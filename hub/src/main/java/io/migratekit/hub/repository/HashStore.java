package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.DEBUG;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.proof.CellList;
import io.migratekit.nbd.proof.HashFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.UUID;

/** Where do the hashes that belong to a layer come from, and who gets them? What its writer put, and what was proved. */
final class HashStore {
    private static final System.Logger LOG = System.getLogger(HashStore.class.getName());

    private final Layers layers;

    HashStore(Layers layers) {
        this.layers = layers;
    }

    /** What comes in, synced and checked against its own root, but under no name that counts; whoever asks removes it. */
    Path receive(String layer, int disk, InputStream in) {
        Path put = layers.path(layer, Layers.PUT);
        Path half = put.resolveSibling(put.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            Disk.receive(in, half);
            try (CellList list = new CellList(half)) {
                String root = list.file().rootHex();
                LOG.log(DEBUG, () -> "hashes: layer=" + layer + " root=" + root);
            }
            return half;
        } catch (IOException e) {
            Disk.remove(half);
            throw Disk.storage("cannot keep the hashes of disk " + disk, e);
        } catch (HashFormatException e) {
            Disk.remove(half);
            throw new RepositoryException.BadRequest(
                    "the hashes of disk " + disk + " cannot be used: " + e.getMessage());
        } catch (RuntimeException e) {
            Disk.remove(half);
            throw e;
        }
    }

    /** Lets it count until the seal, in place of what was put before. */
    void keep(Path received, String layer) {
        try {
            Disk.rename(received, layers.path(layer, Layers.PUT));
        } catch (IOException e) {
            throw Disk.storage("cannot keep the hashes of " + layer, e);
        }
    }

    boolean isPut(String layer) {
        return Files.isRegularFile(layers.path(layer, Layers.PUT), LinkOption.NOFOLLOW_LINKS);
    }

    /** What the writer of an open layer put. */
    CellList put(String layer) {
        Path file = layers.path(layer, Layers.PUT);
        try {
            Disk.requireNoLink(file);
            return new CellList(file);
        } catch (HashFormatException e) {
            throw new RepositoryException.BadRequest("the hashes that were put are damaged, put them again: " + e);
        } catch (UncheckedIOException e) {
            throw Disk.storage("cannot read " + file, e);
        }
    }

    /** The full list of a sealed layer, which must be that of this content. */
    CellList proved(String layer, String root) {
        Path file = layers.path(layer, Layers.HASHES);
        CellList list;
        try {
            Disk.requireNoLink(file);
            list = new CellList(file);
        } catch (HashFormatException e) {
            throw Layers.damaged(layer, "its hashes are damaged: " + e.getMessage() + "; make a full backup");
        } catch (UncheckedIOException e) {
            if (Files.exists(file)) {
                throw Disk.storage("cannot read " + file, e);
            }
            throw missing(layer);
        }
        if (!list.file().rootHex().equals(root)) {
            String has = list.file().rootHex();
            list.close();
            throw Layers.damaged(
                    layer,
                    "its hashes are not those of the content " + root + ", but of " + has + "; make a full backup");
        }
        return list;
    }

    private RepositoryException missing(String layer) {
        return Layers.damaged(
                layer, "its hashes are missing: " + layers.path(layer, Layers.HASHES) + "; make a full backup");
    }

    /** Whether the list is there and has this root at its end; the rest of it is not read. */
    boolean hasRoot(String layer, String root) {
        Path file = layers.path(layer, Layers.HASHES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            ByteBuffer end = ByteBuffer.allocate(root.length() / 2);
            channel.read(end, Math.max(0, channel.size() - end.capacity()));
            return HexFormat.of().formatHex(end.array()).equals(root);
        } catch (IOException e) {
            LOG.log(DEBUG, () -> "hashes: layer=" + layer + " cannot be read: " + e);
            return false;
        }
    }

    void handOut(String layer, OutputStream out) throws IOException {
        Path file = layers.path(layer, Layers.HASHES);
        Disk.requireNoLink(file);
        if (Files.notExists(file)) {
            throw missing(layer);
        }
        Files.copy(file, out);
    }

    /** The same list for another layer, which has the same content from now on. */
    void copy(String from, String to) {
        Path file = layers.path(to, Layers.HASHES);
        Steps.next("copy " + file);
        try {
            SafeFiles.replace(file, SafeFiles.Survives.POWER_CUT, out -> handOut(from, out));
        } catch (IOException e) {
            throw Disk.storage("cannot write " + file, e);
        }
    }
}
