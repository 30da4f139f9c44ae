package io.migratekit.hub.export;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.TreeSet;

/** Where may exports listen? On the ports of a pool that is listed beforehand, so that sshd can allow them, or on sockets. */
public sealed interface Places {
    /** Longer paths do not fit into the kernel's address of a unix socket. */
    int MOST_SOCKET_BYTES = 107;

    /** Ports of 127.0.0.1, both ends included. */
    record Ports(int first, int last) implements Places {
        public Ports {
            if (first < 1 || last > 65535 || last < first) {
                throw new IllegalArgumentException("not a range of ports: " + first + "-" + last);
            }
        }
    }

    /** Sockets in this folder, which nobody else can enter. */
    record Sockets(Path folder) implements Places {
        private static final int LONGEST_NAME = 80;

        public Sockets {
            folder = folder.toAbsolutePath().normalize();
            if (folder.toString().getBytes(StandardCharsets.UTF_8).length + LONGEST_NAME > 2 * MOST_SOCKET_BYTES) {
                throw new IllegalArgumentException("too long for unix sockets: " + folder);
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
                case Sockets(Path folder) -> new Place.Socket(folder.resolve(key.word() + ".sock"));
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
