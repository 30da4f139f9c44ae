package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Does a repository hold what was written into it? It is driven here together with the truth: every byte of every disk of
 * every restore point, kept beside it.
 */
final class RepositoryLab implements AutoCloseable {
    static final RepositoryLimits LIMITS = new RepositoryLimits(0, Duration.ZERO, Duration.ofMinutes(1));
    private static final Path PLACE = Path.of("vms");

    private final Path folder;
    private final Path scratch;
    private final Map<Integer, Long> sizes;
    private final Set<String> verified;
    private Repository repository;

    /** What each restore point is; a disk that is missing there is not in it. */
    final Map<String, Map<Integer, byte[]>> points = new TreeMap<>();

    /** What is being written, by VM. */
    final Map<String, Writing> open = new TreeMap<>();

    /** A backup that is open, and what its disks hold up to now. */
    record Writing(String id, Map<Integer, LabDisk> disks) {}

    RepositoryLab(Path folder, Path scratch, Map<Integer, Long> sizes) {
        this(folder, scratch, sizes, new HashSet<>());
    }

    private RepositoryLab(Path folder, Path scratch, Map<Integer, Long> sizes, Set<String> verified) {
        this.verified = verified;
        this.folder = folder;
        this.scratch = scratch;
        this.sizes = sizes;
        this.repository = Repository.open(folder, LIMITS);
    }

    /** What is true at the moment. */
    record Truth(Map<String, Map<Integer, byte[]>> points, Map<String, Writing> open) {}

    Truth truth() {
        return new Truth(new TreeMap<>(points), new TreeMap<>(open));
    }

    /** The same for a copy of the repository; opening it is what may repair it. */
    RepositoryLab of(Path copy, Truth truth) {
        RepositoryLab lab = new RepositoryLab(copy, scratch, sizes, verified);
        lab.points.putAll(truth.points());
        lab.open.putAll(truth.open());
        return lab;
    }

    Repository repository() {
        return repository;
    }

    Path folder() {
        return folder;
    }

    void reopen() {
        repository.close();
        repository = Repository.open(folder, LIMITS);
    }

    /** Lets another process have it meanwhile; what that one left half done is finished, soon at least. */
    void lend(Runnable other) {
        repository.close();
        try {
            other.run();
        } finally {
            repository = Repository.open(folder, LIMITS);
        }
        // The servers of the one that was killed may outlive it for a moment, and a merge does not go on under them.
        Waiting.until("nothing is under way", Duration.ofSeconds(20), () -> {
            boolean isUnderWay = isUnderWay();
            if (isUnderWay) {
                reopen();
            }
            return !isUnderWay;
        });
    }

    boolean isUnderWay() {
        return repository.vms().stream()
                .anyMatch(vm ->
                        Files.exists(folder.resolve(PLACE).resolve(vm.id()).resolve("merge.json")));
    }

    void start(String vm, String id, StartDisk.Wanted kind, @Nullable String supersede) {
        List<StartDisk> disks = new ArrayList<>();
        sizes.forEach((key, size) -> disks.add(new StartDisk(key, "disk " + key, size, kind)));
        begun(repository.start(new StartRequest(id, vm, "VM " + vm, disks, supersede)));
    }

    /** What is open now stands on what was there. */
    void begun(Backup backup) {
        Map<Integer, LabDisk> disks = new TreeMap<>();
        Writing before = open.get(backup.vm());
        for (BackupDisk disk : backup.disks()) {
            Parent parent = disk.parent();
            LabDisk known = before == null || !before.id().equals(backup.id())
                    ? null
                    : before.disks().get(disk.key());
            boolean isSame = known != null && known.layer().equals(disk.layer());
            disks.put(
                    disk.key(),
                    isSame
                            ? known
                            : new LabDisk(
                                    Objects.requireNonNull(disk.layer()),
                                    parent == null
                                            ? new byte[Math.toIntExact(disk.capacityBytes())]
                                            : got(got(points, parent.backup()), disk.key())
                                                    .clone(),
                                    parent == null));
        }
        open.put(backup.vm(), new Writing(backup.id(), disks));
    }

    void write(String vm, Random random, int times) {
        got(open, vm).disks().values().forEach(disk -> disk.write(folder, random, times));
    }

    /** A point with new data in all of a range. */
    void pointWith(String vm, String id, Random random, int offset, int length) {
        start(vm, id, StartDisk.Wanted.AUTO, null);
        got(open, vm).disks().values().forEach(disk -> disk.writeAll(folder, random, offset, length));
        seal(vm, sealing(vm, random, false));
    }

    /** The request for it, after hashes were put where they are wanted. */
    SealRequest sealing(String vm, Random random, boolean mayMiss) {
        List<SealDisk> disks = new ArrayList<>();
        Writing writing = got(open, vm);
        for (Map.Entry<Integer, LabDisk> disk : writing.disks().entrySet()) {
            String missing = mayMiss && random.nextInt(6) == 0 ? "it was not reached" : null;
            String hashes =
                    missing != null || random.nextBoolean() ? null : put(writing.id(), disk.getKey(), disk.getValue());
            disks.add(new SealDisk(disk.getKey(), missing, null, hashes, null));
        }
        return new SealRequest(null, null, null, "lab", disks);
    }

    private String put(String id, int key, LabDisk disk) {
        try {
            Path file = scratch.resolve("put");
            String root = disk.hashes(file);
            try (var in = Files.newInputStream(file)) {
                repository.putHashes(id, key, in);
            }
            return root;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void seal(String vm, SealRequest request) {
        repository.seal(got(open, vm).id(), request, SealProgress.NOBODY);
        sealed(vm, request);
    }

    /** What was open is a restore point now. */
    void sealed(String vm, SealRequest request) {
        Writing writing = Objects.requireNonNull(open.remove(vm));
        Map<Integer, byte[]> disks = new HashMap<>();
        for (SealDisk disk : request.disks()) {
            if (disk.missing() == null) {
                disks.put(disk.key(), got(writing.disks(), disk.key()).content());
            }
        }
        points.put(writing.id(), disks);
    }

    /** Starts, writes and seals. */
    void point(String vm, String id, Random random, StartDisk.Wanted kind) {
        start(vm, id, kind, null);
        write(vm, random, 4);
        seal(vm, sealing(vm, random, false));
    }

    /** All that is listed is what it should be, and all that should be there is listed. */
    void verify(String where) {
        verify(folder, points, where);
        for (Writing writing : open.values()) {
            Backup backup = repository.find(writing.id()).orElseThrow();
            assertEquals(Backup.State.OPEN, backup.state(), where);
        }
    }

    /** The same in a repository that nobody has opened, and that lies as it was left. */
    void verify(Path lying, Map<String, Map<Integer, byte[]>> truth, String where) {
        try (Repository looked = Repository.look(lying)) {
            assertEquals(List.of(), looked.unreadable(Optional.empty()), where);
            List<Backup> listed = looked.backups(Optional.empty()).stream()
                    .filter(backup -> backup.state() == Backup.State.SEALED)
                    .toList();
            assertEquals(
                    truth.keySet(),
                    new TreeSet<>(listed.stream().map(Backup::id).toList()),
                    where);
            for (Backup point : listed) {
                verify(looked, point, got(truth, point.id()), where + ": restore point " + point.id());
            }
        }
    }

    private void verify(Repository looked, Backup point, Map<Integer, byte[]> truth, String where) {
        assertEquals(truth.size() == point.disks().size(), point.complete(), where);
        for (BackupDisk disk : point.disks()) {
            String what = where + " disk " + disk.key() + " layer " + disk.layer();
            byte[] bytes = truth.get(disk.key());
            assertEquals(bytes == null, disk.layer() == null, what);
            if (bytes != null) {
                Path file = looked.layerFile(point.id(), disk.key());
                assertEquals(LabDisk.root(bytes), disk.root(), what);
                if (verified.add(what(file))) {
                    verifyContent(file, bytes, what);
                }
            }
        }
    }

    /** A file that nobody has written to since is what it was. */
    private static String what(Path file) {
        try {
            StringBuilder what = new StringBuilder();
            for (Optional<Path> next = Optional.of(file); next.isPresent(); ) {
                Path now = next.get();
                what.append(now)
                        .append(Files.getAttribute(now, "unix:ino"))
                        .append(Files.getAttribute(now, "unix:mode"))
                        .append(Files.getAttribute(now, "unix:ctime"));
                next = Qcow2Header.read(now).backing().map(now::resolveSibling);
            }
            return what.toString();
        } catch (IOException | Qcow2Header.Unfit e) {
            throw new AssertionError(e);
        }
    }

    private void verifyContent(Path file, byte[] truth, String what) {
        try {
            Tool.run("qemu-img", "check", "-q", "-f", "qcow2", file.toString());
            Path raw = scratch.resolve("raw");
            Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", file.toString(), raw.toString());
            int differs = Arrays.mismatch(truth, Files.readAllBytes(raw));
            assertEquals(-1, differs, () -> what + " differs at " + differs);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** After an opening: nothing is left over, nothing under way, what is sealed cannot be written to. */
    void verifyTidy(String where) {
        TreeSet<String> expected = new TreeSet<>();
        for (Backup backup : repository.backups(Optional.empty())) {
            for (BackupDisk disk : backup.disks()) {
                String layer = disk.layer();
                if (layer != null) {
                    expected.add(layer.replaceAll("\\.qcow2$", ""));
                    boolean isSealed = backup.state() == Backup.State.SEALED;
                    assertEquals(
                            isSealed ? "r--r--r--" : "rw-r--r--", permissions(folder.resolve(layer)), where + layer);
                }
            }
        }
        try (var files = Files.walk(folder.resolve(PLACE))) {
            for (Path file : files.filter(one -> Files.isRegularFile(one, LinkOption.NOFOLLOW_LINKS))
                    .toList()) {
                String name = folder.relativize(file).toString();
                assertFalse(name.endsWith(".tmp") || name.endsWith("merge.json"), where + ": " + name);
                if (name.contains("/disks/") && !name.endsWith("/next")) {
                    assertTrue(expected.contains(name.replaceAll("\\.[a-z0-9]+$", "")), where + ": " + name);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String permissions(Path file) {
        try {
            return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static <K, V> V got(Map<K, V> map, K key) {
        return Objects.requireNonNull(map.get(key), () -> key + " is not among " + map.keySet());
    }

    @Override
    public void close() {
        repository.close();
    }
}
