package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubEvents;
import io.migratekit.hub.api.Answers;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.RepositoryLimits;
import io.migratekit.hub.repository.RetentionPolicy;
import io.migratekit.hub.repository.VerifyReport;
import io.migratekit.hub.repository.VerifyRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Whom does a command ask about backups: the hub that serves them, or their folder itself? Both answer as the contract has it. */
sealed interface HubView extends AutoCloseable {
    List<JsonObject> vms();

    /** Backups, and which records cannot be read. */
    JsonObject list(Optional<String> vm);

    JsonObject backup(String id);

    JsonObject chain(String vm);

    void delete(String id, boolean merge);

    void abandon(String id);

    /** What a policy keeps of a VM's restore points; with apply the others are removed. */
    JsonObject prune(String vm, RetentionPolicy policy, boolean apply);

    /**
     * Looks whether what is kept of a VM is still what it was.
     *
     * @param progress hears how many bytes are done with, and of how many
     */
    JsonObject verify(Verify wanted, BiConsumer<Long, Long> progress);

    /** What is to be looked at, see {@link HubVerifyCommand}. */
    record Verify(String vm, Optional<String> point, Optional<Duration> olderThan, long bytesPerSecond) {}

    /** Serves disks of a restore point, to be read, until that is closed. */
    PointReading read(PointReading.Wanted wanted);

    @Override
    void close();

    /** The hub, and the way to it. */
    record Asked(
            Console console, HubClient client, @Nullable Way way) implements HubView {
        @Override
        public List<JsonObject> vms() {
            return client.vms();
        }

        @Override
        public JsonObject list(Optional<String> vm) {
            return client.list(vm);
        }

        @Override
        public JsonObject backup(String id) {
            return client.backup(id).orElseThrow(() -> none(id));
        }

        @Override
        public JsonObject chain(String vm) {
            return client.chain(vm);
        }

        @Override
        public void delete(String id, boolean merge) {
            client.delete(id, merge);
        }

        @Override
        public void abandon(String id) {
            client.abandon(id);
        }

        @Override
        public JsonObject prune(String vm, RetentionPolicy policy, boolean apply) {
            return client.prune(vm, RetentionRules.of(policy).toJson(), apply);
        }

        @Override
        public JsonObject verify(Verify wanted, BiConsumer<Long, Long> progress) {
            JsonObject request = new JsonObject();
            wanted.point().ifPresent(id -> request.addProperty("backup", id));
            wanted.olderThan().ifPresent(time -> request.addProperty("olderThanSeconds", time.toSeconds()));
            request.addProperty("bytesPerSecond", wanted.bytesPerSecond());
            try (HubEvents _ = client.events((name, data) -> {
                if (name.equals("verifying") && HubText.text(data, "vm").equals(wanted.vm())) {
                    progress.accept(HubText.number(data, "doneBytes"), HubText.number(data, "totalBytes"));
                }
            })) {
                return client.verify(wanted.vm(), request);
            }
        }

        @Override
        public PointReading read(PointReading.Wanted wanted) {
            return new PointReading.AtHub(console, client, way, wanted);
        }

        @Override
        public void close() {
            client.close();
        }
    }

    /** A folder; who changes something there must be alone. */
    record Folder(Path folder) implements HubView {
        @Override
        public List<JsonObject> vms() {
            try (Repository repository = Repository.look(folder)) {
                return repository.vms().stream().map(Answers::vm).toList();
            }
        }

        @Override
        public JsonObject list(Optional<String> vm) {
            try (Repository repository = Repository.look(folder)) {
                return Answers.backups(
                        repository.backups(vm).stream()
                                .map(backup -> Answers.backup(backup, repository.verdict(backup)))
                                .toList(),
                        repository.unreadable(vm));
            }
        }

        @Override
        public JsonObject backup(String id) {
            try (Repository repository = Repository.look(folder)) {
                return repository
                        .find(id)
                        .map(backup -> Answers.details(backup, repository.verdict(backup)))
                        .orElseThrow(() -> none(id));
            }
        }

        @Override
        public JsonObject chain(String vm) {
            try (Repository repository = Repository.look(folder)) {
                return Answers.chain(repository.chain(vm));
            }
        }

        @Override
        public void delete(String id, boolean merge) {
            try (Repository repository = alone()) {
                repository.delete(id, merge);
            }
        }

        @Override
        public void abandon(String id) {
            try (Repository repository = alone()) {
                repository.abandon(id);
            }
        }

        @Override
        public JsonObject prune(String vm, RetentionPolicy policy, boolean apply) {
            try (Repository repository = apply ? alone() : Repository.look(folder)) {
                return Answers.pruned(repository.prune(vm, policy, apply));
            }
        }

        @Override
        public JsonObject verify(Verify wanted, BiConsumer<Long, Long> progress) {
            try (Repository repository = aloneIfPossible()) {
                Thread thread = Thread.currentThread();
                VerifyReport report = repository.verify(
                        new VerifyRequest(
                                Optional.of(wanted.vm()),
                                wanted.point(),
                                wanted.olderThan().map(Instant.now()::minus).orElse(null),
                                wanted.bytesPerSecond(),
                                thread::isInterrupted),
                        (_, done, total) -> progress.accept(done, total));
                return Answers.verified(report);
            }
        }

        @Override
        public PointReading read(PointReading.Wanted wanted) {
            return new PointReading.InFolder(folder, wanted);
        }

        /** Looking is allowed to everybody, but what is found is kept by who has the repository for himself. */
        private Repository aloneIfPossible() {
            try {
                return alone();
            } catch (RepositoryException.Locked e) {
                return Repository.look(folder);
            }
        }

        private Repository alone() {
            Repository.look(folder).close(); // A folder that is none must not become one.
            return Repository.open(folder, RepositoryLimits.DEFAULTS);
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }

    private static RepositoryException none(String id) {
        return new RepositoryException.NotFound(
                "there is no backup " + id + "; `migratekit hub list` shows what there is");
    }
}
