package io.migratekit.vmware.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is the simulator understood by a client that nobody here wrote? Debian's python3-pyvmomi, which is strict. */
class SecondClientTest {
    @TempDir
    Path folder;

    @Test
    void pyvmomiUnderstandsTheSimulator() throws Exception {
        try (SimulatedVCenter sim = SimulatedVCenter.start(folder)) {
            SimVm vm = sim.addVm("web01");
            SimDisk disk = vm.addDisk(16 << 20);
            sim.addVm("DC0", "prod/linux", "ds2", "db01").addDisk(1 << 20);
            assertEquals("""
                    about VirtualCenter 6.7.3
                    vms db01 web01
                    same True
                    nothing None
                    power poweredOn bios None
                    pending True None
                    first [ds1] web01/web01.vmdk True
                    second [ds1] web01/web01-000001.vmdk second
                    changed [(3, 65536)]
                    in use [(3, 65536)]
                    device InvalidArgument
                    end InvalidArgument
                    other life FileFault
                    left [ds1] web01/web01.vmdk True
                    gone None ManagedObjectNotFound
                    without session NotAuthenticated
                    """, secondClient(sim, disk.file()));
            assertEquals(0, sim.openSessions());
            assertEquals(2, sim.tasksStarted("RemoveSnapshot_Task"));
        }
    }

    private String secondClient(SimulatedVCenter sim, Path flat) throws IOException, InterruptedException {
        Path output = folder.resolve("out");
        Path errors = folder.resolve("err");
        // Debian's own python, since only that one has Debian's pyvmomi.
        Process python = new ProcessBuilder(
                        "/usr/bin/python3",
                        "-W",
                        "ignore",
                        "src/test/python/second_client.py",
                        Integer.toString(sim.endpoint().port()),
                        sim.settings().username(),
                        flat.toString())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        try {
            try (OutputStream in = python.getOutputStream()) {
                in.write((sim.settings().password() + "\n").getBytes(StandardCharsets.UTF_8));
            }
            if (!python.waitFor(60, TimeUnit.SECONDS) || python.exitValue() != 0) {
                throw new AssertionError(
                        Files.readString(output) + Files.readString(errors) + "(bin/setup installs what it needs)");
            }
        } finally {
            python.destroyForcibly();
        }
        return Files.readString(output);
    }
}
