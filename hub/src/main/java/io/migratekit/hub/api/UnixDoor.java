package io.migratekit.hub.api;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * How does a unix socket appear that nobody but its owner can enter at any moment? It is bound in a folder of its own, which
 * is private, and moved to its place when its permissions are right.
 */
final class UnixDoor implements AutoCloseable {
    private final Path place;
    private final Path folder;

    private UnixDoor(Path place, Path folder) {
        this.place = place;
        this.folder = folder;
    }

    /** Takes a place that a killed hub has left, but not one where somebody listens. */
    static UnixDoor at(Path path) throws IOException {
        Path place = path.toAbsolutePath();
        Path parent = SafeFiles.parent(place);
        SafeFiles.makeFolder(parent);
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && !isSocket(place)) {
            throw new IOException(place + " is there already and is no socket; name another place for it");
        }
        if (Files.exists(place) && isListening(place)) {
            throw new IOException("another process listens on " + place);
        }
        Path folder = parent.resolve("." + ProcessHandle.current().pid());
        UnixDoor door = new UnixDoor(place, folder);
        door.clear(); // Of a process of the same number that was killed here.
        SafeFiles.makeFolder(folder);
        return door;
    }

    /** Whatever else is there is somebody's, and not ours to replace. */
    private static boolean isSocket(Path place) throws IOException {
        return Files.readAttributes(place, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .isOther();
    }

    private static boolean isListening(Path place) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.configureBlocking(false); // A queue that is full refuses at once, too, and then somebody listens.
            channel.connect(UnixDomainSocketAddress.of(place));
            return true;
        } catch (java.net.ConnectException e) {
            return false;
        } catch (IOException e) {
            return !String.valueOf(e.getMessage()).contains("Connection refused");
        }
    }

    /** Where to bind it. */
    Path inside() {
        return folder.resolve("s");
    }

    /** Lets its owner in; from now on it is where it should be. */
    void open() throws IOException {
        Files.setPosixFilePermissions(inside(), PosixFilePermissions.fromString("rw-------"));
        Files.move(inside(), place, StandardCopyOption.ATOMIC_MOVE);
        clear();
    }

    private void clear() throws IOException {
        Files.deleteIfExists(inside());
        Files.deleteIfExists(folder);
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(place);
            clear();
        } catch (IOException e) {
            System.getLogger(UnixDoor.class.getName())
                    .log(System.Logger.Level.WARNING, () -> "the socket " + place + " stays: " + e.getMessage());
        }
    }
}
