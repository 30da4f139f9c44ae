package io.migratekit.hub.export;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where may exports listen? On the ports of a pool that is listed beforehand, so that sshd can allow them, or on sockets. */
public sealed interface Places {
    /** Longer paths do not fit into the kernel's address of a unix socket. */
    int MOST_SOCKET_BYTES = 107;

    /** Ports of 127.0.0.1, both ends included. */
    record Ports(int first, int last) implements Places {
        private static final Pattern WRITTEN = Pattern.compile("([0-9]{1,5})-([0-9]{1,5})");

        public Ports {
            if (first < 1 || last > 65535 || last < first) {
                throw new IllegalArgumentException("not a range of ports: " + first + "-" + last);
            }
        }

        /** Reads what {@link #toString} writes; nothing if it is something else, and an IllegalArgumentException if no port can be meant. */
        public static Optional<Ports> parse(String text) {
            Matcher range = WRITTEN.matcher(text);
            return range.matches()
                    ? Optional.of(new Ports(Integer.parseInt(range.group(1)), Integer.parseInt(range.group(2))))
                    : Optional.empty();
        }

        @Override
        public String toString() {
            return first + "-" + last;
        }
    }

    /** Sockets in this folder, which nobody else can enter. */
    record Sockets(Path folder) implements Places {
        private static final String SUFFIX = ".sock";
        /** Of the hash that stands for a name which is too long. */
        private static final int HASH_BYTES = 10;

        private static final int SHORTEST_NAME = 1 + 2 * HASH_BYTES + SUFFIX.length();

        public Sockets {
            folder = folder.toAbsolutePath().normalize();
            if (bytes(folder) + SHORTEST_NAME > MOST_SOCKET_BYTES) {
                throw new IllegalArgumentException("too long for unix sockets: " + folder);
            }
        }

        Place.Socket socket(ExportKey key) {
            Path named = folder.resolve(key.word() + SUFFIX);
            return new Place.Socket(
                    bytes(named) <= MOST_SOCKET_BYTES ? named : folder.resolve(hash(key.word()) + SUFFIX));
        }

        /** A server that was killed leaves its socket, and nobody else would ever remove it. */
        void removeDeserted() throws IOException {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
                for (Path socket : found) {
                    if (isDeserted(socket)) {
                        Files.deleteIfExists(socket);
                    }
                }
            }
        }

        /** Only a refusal says so: who is busy or may not be asked is there. */
        private static boolean isDeserted(Path socket) {
            try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                channel.configureBlocking(false);
                channel.connect(UnixDomainSocketAddress.of(socket));
                return false;
            } catch (ConnectException e) {
                return true;
            } catch (IOException e) {
                return false;
            }
        }

        private static int bytes(Path path) {
            return path.toString().getBytes(StandardCharsets.UTF_8).length;
        }

        private static String hash(String word) {
            try {
                byte[] hash = MessageDigest.getInstance("SHA-256").digest(word.getBytes(StandardCharsets.UTF_8));
                return HexFormat.of().formatHex(hash, 0, HASH_BYTES);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java has SHA-256", e);
            }
        }
    }

    /** The places that are free. Not safe for threads: {@link Exports} guards it. */
    final class Free {
        private final Places places;
        private final TreeSet<Integer> ports = new TreeSet<>();

        Free(Places places) {
            this.places = places;
            if (places instanceof Ports(int first, int last)) {
                for (int port = first; port <= last; port++) {
                    ports.add(port);
                }
            }
        }

        /** Takes the place that this layer had before, if that is free, else the first one. */
        Place take(ExportKey key, int portBefore) {
            return switch (places) {
                case Sockets sockets -> sockets.socket(key);
                case Ports(int first, int last) -> {
                    Integer port = ports.remove(portBefore) ? Integer.valueOf(portBefore) : ports.pollFirst();
                    if (port == null) {
                        throw new ExportFailed("all ports from " + first + " to " + last + " serve open layers: seal or"
                                + " abandon backups, or start the hub with more --ports");
                    }
                    yield new Place.Port(port);
                }
            };
        }

        void giveBack(Place place) {
            if (place instanceof Place.Port(int port)) {
                ports.add(port);
            }
        }
    }
}
