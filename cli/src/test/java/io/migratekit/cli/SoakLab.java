package io.migratekit.cli;

import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What can break on the way from vCenter to a hub's disk, all at once? Two vCenters, three agents and two hubs that share a PostgreSQL:
 * one agent comes to its hub by an SSH session of its own, through a network that can be broken, one through the tunnel
 * service, and one directly. One hub's disk can be full. Temporary files have a folder of their own, to be counted.
 */
final class SoakLab implements AutoCloseable {
    static final int SLOTS = 2;
    /** So that a backup lasts for a while. */
    private static final String RATE = "400K";

    /** What is never killed, so that one sees whether it grows; it is frozen as others are. */
    static final int AGENT_THAT_STAYS = 2;

    static final int HUB_THAT_STAYS = 0;

    private final Path folder;
    private final Path temporary;
    private final Path fullDisk;
    private final LoopbackSshd sshd;
    private final FaultProxy network;
    private final ServiceProcess service;
    private final NightLab night;

    SoakLab(Path folder, int vms, Random random) throws IOException {
        this.folder = folder;
        temporary = Files.createDirectories(folder.resolve("t"));
        fullDisk = Files.createDirectories(folder.resolve("h1/repository"));
        Tool.run("mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", fullDisk.toString());
        Files.setPosixFilePermissions(fullDisk, PosixFilePermissions.fromString("rwx------"));
        sshd = LoopbackSshd.start(Files.createDirectories(folder.resolve("sshd")));
        network = FaultProxy.toLoopback(sshd.port());
        service = ServiceProcess.start(Files.createDirectories(folder.resolve("s")), sshd);
        List<String> before = new ArrayList<>(service.environment());
        before.add("MIGRATEKIT_JAVA_OPTS=-Djava.io.tmpdir=" + temporary);
        night = new NightLab(folder, before, 2, vms, random);
        Path known = Files.writeString(
                folder.resolve("known"),
                Files.readString(sshd.knownHosts())
                        .replace(Integer.toString(sshd.port()), Integer.toString(network.port())));
        night.goBy(
                0,
                List.of(
                        "--ssh",
                        System.getProperty("user.name") + "@127.0.0.1:" + network.port(),
                        "--ssh-key",
                        sshd.userKey().toString(),
                        "--ssh-known-hosts",
                        known.toString()));
        night.goBy(1, List.of("--tunnel", "hub"));
        night.startAgents(SLOTS, agentWords());
    }

    static String[] agentWords() {
        return new String[] {"--rate", RATE, "--stall-after", "10s"};
    }

    Path folder() {
        return folder;
    }

    NightLab night() {
        return night;
    }

    LoopbackSshd sshd() {
        return sshd;
    }

    FaultProxy network() {
        return network;
    }

    ServiceProcess service() {
        return service;
    }

    Path temporary() {
        return temporary;
    }

    /** Takes all room of the second hub. */
    Path fill() {
        Path filler = fullDisk.resolve("filler");
        Tool.outcome(List.of("dd", "if=/dev/zero", "of=" + filler, "bs=1M"));
        return filler;
    }

    /** The processes of this lab whose command line has all these words, by /proc: long lines are cut elsewhere. */
    List<Long> processes(String... words) {
        List<Long> found = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            for (Path one : all.filter(path -> path.getFileName().toString().matches("[0-9]+"))
                    .toList()) {
                long pid = Long.parseLong(one.getFileName().toString());
                String line = commandLine(one);
                if (pid != ProcessHandle.current().pid()
                        && line.contains(folder.toString())
                        && Stream.of(words).allMatch(line::contains)) {
                    found.add(pid);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    static String commandLine(Path process) {
        try {
            return Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                    .replace('\0', ' ');
        } catch (IOException e) {
            return ""; // It has ended.
        }
    }

    /** The processes that back something up now. */
    List<Long> backups() {
        return processes("migratekit.jar migrate ");
    }

    @Override
    public void close() {
        try (sshd;
                service;
                night) {
            network.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            Tool.outcome(List.of("umount", "-l", fullDisk.toString()));
        }
    }
}
