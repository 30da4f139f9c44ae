package io.migratekit.tunnel.service;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where are the sockets of running tunnels? In a folder that nobody but their user may enter: what is
 * behind them knows no passwords.
 */
public final class RuntimeDirectory {
    private static final String SUFFIX = ".sock";
    private static final String LEASE = ".lease";
    private static final Path OF_SYSTEM = Path.of("/run/migratekit");

    private final Path folder;

    public RuntimeDirectory(Path folder) {
        this.folder = folder.toAbsolutePath();
    }

    /**
     * {@code MIGRATEKIT_RUNTIME_DIR}, else /run/migratekit for those who may write there (root and the
     * service's own user), else below {@code XDG_RUNTIME_DIR}.
     */
    public static RuntimeDirectory byDefault(Map<String, String> environment) {
        String named = environment.getOrDefault("MIGRATEKIT_RUNTIME_DIR", "");
        if (!named.isEmpty()) {
            return new RuntimeDirectory(Path.of(named));
        }
        String ofUser = environment.getOrDefault("XDG_RUNTIME_DIR", "");
        boolean ofSystem = Files.isWritable(OF_SYSTEM)
                || (!Files.exists(OF_SYSTEM) && Files.isWritable(Path.of("/run")))
                || !ofUser.startsWith("/");
        return new RuntimeDirectory(ofSystem ? OF_SYSTEM : Path.of(ofUser, "migratekit"));
    }

    /** The control socket of a tunnel. */
    public Path socket(String tunnel) {
        return folder.resolve(tunnel + SUFFIX);
    }

    /** The near end of a lease; whoever comes later must not get the same name, for somebody may still hold it. */
    Path lease(String tunnel, String name) {
        return folder.resolve(tunnel + "." + name + LEASE);
    }

    /** Removes the near ends that a killed run of this tunnel has left behind. */
    void clearLeases(String tunnel) {
        String prefix = tunnel + ".";
        try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, "*" + LEASE)) {
            for (Path socket : left) {
                String file = String.valueOf(socket.getFileName());
                // The name of another tunnel may begin like this one's, with a dot behind it.
                if (file.startsWith(prefix) && file.indexOf('.', prefix.length()) == file.length() - LEASE.length()) {
                    Files.deleteIfExists(socket);
                }
            }
        } catch (IOException e) {
            throw new ServiceException("cannot tidy up " + folder + ": " + e, e);
        }
    }

    /** The names of the tunnels that have a socket here, running or not. */
    public List<String> tunnels() {
        List<String> names = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> sockets = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
                for (Path socket : sockets) {
                    String file = String.valueOf(socket.getFileName());
                    names.add(file.substring(0, file.length() - SUFFIX.length()));
                }
            } catch (IOException e) {
                throw new ServiceException("cannot look into " + folder + ": " + e, e);
            }
        }
        names.sort(null);
        return names;
    }

    /** Makes the folder if need be, and refuses one that others may enter. */
    void prepare() {
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            String rights = PosixFilePermissions.toString(Files.getPosixFilePermissions(folder));
            if (!rights.startsWith("rwx") || !rights.endsWith("---") || rights.charAt(4) == 'w') {
                throw new ServiceException(
                        "others may enter " + folder + " (" + rights + "), and the sockets there know no passwords."
                                + " `chmod 0700 " + folder + "` repairs it.",
                        null);
            }
        } catch (IOException e) {
            throw new ServiceException("cannot use " + folder + " for sockets: " + e, e);
        }
    }

    @Override
    public String toString() {
        return folder.toString();
    }
}
