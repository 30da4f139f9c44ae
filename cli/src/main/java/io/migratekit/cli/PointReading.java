package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.Heartbeat;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.restore.PointSource;
import io.migratekit.agent.restore.ThrowAway;
import io.migratekit.hub.repository.Repository;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where can a restore point be read, for as long as this is open, and what has it to read as? */
interface PointReading extends PointSource, AutoCloseable {
    /** On what an overlay of a disk can stand. */
    ThrowAway.Backing backing(int key);

    /** By which way it is reached; null if by none. */
    @Nullable
    Way way();

    @Override
    void close();

    /** What is wanted of which restore point. */
    record Wanted(String point, Collection<Integer> disks, int connections) {}

    /** At a hub, which is told again and again that we still read. */
    final class AtHub implements PointReading {
        /** A hub that was started again serves nothing that is read until it is asked, and for so long nothing moves. */
        private static final Duration EVERY = Duration.ofSeconds(10);

        private static final Duration LEASE = Duration.ofMinutes(2);

        private final Console console;
        private final HubClient client;
        private final @Nullable Way way;
        private final Wanted wanted;
        private final String reading = "r-" + UUID.randomUUID();
        private final Map<Integer, NbdUri> disks = new TreeMap<>();
        private final Heartbeat heartbeat;

        AtHub(Console console, HubClient client, @Nullable Way way, Wanted wanted) {
            this.console = console;
            this.client = client;
            this.way = way;
            this.wanted = wanted;
            for (JsonObject disk : HubText.objects(ask(), "disks")) {
                int key = (int) HubText.number(disk, "key");
                NbdUri export = Way.lead(way, NbdUri.parse(HubText.text(disk, "export")));
                disks.put(
                        key,
                        export.knownAs("content " + HubText.text(disk, "root"))
                                .called("disk " + key + " (" + export + ")"));
            }
            heartbeat = new Heartbeat(
                    EVERY,
                    this::ask,
                    why -> console.say(
                            "the hub does not hear that the restore point is still being read: " + why.getMessage()));
            heartbeat.start();
        }

        private JsonObject ask() {
            JsonArray keys = new JsonArray();
            for (int key : wanted.disks()) {
                JsonObject one = new JsonObject();
                one.addProperty("key", key);
                keys.add(one);
            }
            JsonObject request = new JsonObject();
            request.add("disks", keys);
            request.addProperty("workers", Math.min(HubClient.MOST_WORKERS, wanted.connections()));
            request.addProperty("leaseSeconds", LEASE.toSeconds());
            return client.read(wanted.point(), reading, request);
        }

        @Override
        public NbdUri disk(int key) {
            NbdUri uri = disks.get(key);
            if (uri == null) {
                throw new CommandFailed(ExitCode.HUB_REPOSITORY, "the hub does not serve disk " + key);
            }
            return uri;
        }

        @Override
        public ThrowAway.Backing backing(int key) {
            return new ThrowAway.Backing(disk(key).address(), "raw");
        }

        @Override
        public @Nullable Way way() {
            return way;
        }

        @Override
        public void hashes(int key, Path into) {
            client.getHashes(wanted.point(), key, into);
        }

        @Override
        public void close() {
            boolean wasInterrupted = Thread.interrupted(); // Or the hub would not be told.
            heartbeat.close();
            try {
                client.endReading(wanted.point(), reading);
            } catch (HubException e) {
                console.say("the hub was not told that the reading is over, and ends it by itself within "
                        + LEASE.toMinutes() + " min: " + e.getMessage());
            }
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** In a folder of this host, served by ourselves. */
    final class InFolder implements PointReading {
        private final Repository repository;
        private final Wanted wanted;
        private final Map<Integer, QemuNbd> servers = new TreeMap<>();

        InFolder(Path folder, Wanted wanted) {
            this.repository = Repository.look(folder);
            this.wanted = wanted;
            try {
                for (int key : wanted.disks()) {
                    servers.put(
                            key,
                            QemuNbd.of(
                                            repository.layerFile(wanted.point(), key),
                                            QemuNbd.Format.QCOW2,
                                            wanted.connections() + 1)
                                    .readOnly()
                                    .start());
                }
            } catch (RuntimeException | Error e) {
                close();
                throw e;
            }
        }

        @Override
        public NbdUri disk(int key) {
            QemuNbd server = servers.get(key);
            String root = repository.find(wanted.point()).orElseThrow().disks().stream()
                    .filter(disk -> disk.key() == key)
                    .map(disk -> String.valueOf(disk.root()))
                    .findFirst()
                    .orElseThrow();
            if (server == null) {
                throw new IllegalArgumentException("disk " + key + " was not asked for");
            }
            return NbdUri.parse(server.uri()).knownAs("content " + root).called("disk " + key);
        }

        @Override
        public ThrowAway.Backing backing(int key) {
            return new ThrowAway.Backing(
                    repository.layerFile(wanted.point(), key).toString(), "qcow2");
        }

        @Override
        public @Nullable Way way() {
            return null;
        }

        @Override
        public void hashes(int key, Path into) {
            try (OutputStream out = Files.newOutputStream(into)) {
                repository.writeHashes(wanted.point(), key, out);
            } catch (IOException e) {
                throw new CommandFailed(ExitCode.LOCAL_STATE, "cannot write " + into + ": " + SafeFiles.reason(e));
            }
        }

        @Override
        public void close() {
            servers.values().forEach(QemuNbd::close);
            repository.close();
        }
    }
}
