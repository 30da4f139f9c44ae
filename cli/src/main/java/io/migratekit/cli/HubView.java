package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.RepositoryLimits;
import io.migratekit.hub.repository.RetentionPolicy;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

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

    @Override
    void close();

    /** The hub. */
    record Asked(HubClient client) implements HubView {
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
                        repository.backups(vm).stream().map(Answers::backup).toList(), repository.unreadable(vm));
            }
        }

        @Override
        public JsonObject backup(String id) {
            try (Repository repository = Repository.look(folder)) {
                return repository.find(id).map(Answers::backup).orElseThrow(() -> none(id));
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
