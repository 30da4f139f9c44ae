package io.migratekit.hub.repository;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Which backups are kept, and how does one come and go? The whole of a repository, for one process. */
@SuppressWarnings("DoNotCallSuggester") // Until the bodies are written.
public final class Repository implements AutoCloseable {
    private Repository() {}

    public static Repository open(Path folder, RepositoryLimits limits) {
        throw new UnsupportedOperationException();
    }

    public static Repository look(Path folder) {
        throw new UnsupportedOperationException();
    }

    public Backup start(StartRequest request) {
        throw new UnsupportedOperationException();
    }

    public Optional<Backup> find(String id) {
        throw new UnsupportedOperationException();
    }

    public List<Backup> backups(Optional<String> vm) {
        throw new UnsupportedOperationException();
    }

    public void putHashes(String id, int disk, InputStream in) {
        throw new UnsupportedOperationException();
    }

    public void writeHashes(String id, int disk, OutputStream out) {
        throw new UnsupportedOperationException();
    }

    public Backup seal(String id, SealRequest request, SealProgress progress) {
        throw new UnsupportedOperationException();
    }

    public void abandon(String id) {
        throw new UnsupportedOperationException();
    }

    public void delete(String id, boolean merge) {
        throw new UnsupportedOperationException();
    }

    public List<Vm> vms() {
        throw new UnsupportedOperationException();
    }

    public Optional<Vm> vm(String id) {
        throw new UnsupportedOperationException();
    }

    public Vm putVm(String id, Inventory inventory) {
        throw new UnsupportedOperationException();
    }

    public Chain chain(String vm) {
        throw new UnsupportedOperationException();
    }

    public Path layerFile(String id, int disk) {
        throw new UnsupportedOperationException();
    }

    public long freeBytes() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
