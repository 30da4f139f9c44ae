package io.migratekit.vmware.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the simulator work as a program, and do objects come in pages along traversals? */
class SimulatorMainTest {
    @TempDir
    Path folder;

    @Test
    void theProgramTellsWhereItIsAndObeys() throws Exception {
        Path output = folder.resolve("out");
        Path vcenter = folder.resolve("vcenter");
        Process program = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SimulatorMain.class.getName(),
                        vcenter.toString(),
                        "--vm",
                        "db01=1,2",
                        "--tracked",
                        "db01",
                        "--trouble",
                        "CreateSnapshot_Task@2=task-fault:NoDiskSpace")
                .redirectOutput(output.toFile())
                .redirectErrorStream(true)
                .start();
        try (OutputStream in = program.getOutputStream()) {
            in.write("trouble *=delay:0.01s\ntrouble nonsense\ncertificate\nquit\n".getBytes(StandardCharsets.UTF_8));
            in.flush();
            assertTrue(program.waitFor(60, TimeUnit.SECONDS), "it ends when told");
        } finally {
            program.destroyForcibly();
        }
        List<String> lines = Files.readAllLines(output);
        assertTrue(lines.getFirst().matches("url=https://127\\.0\\.0\\.1:\\d+/sdk"), lines.toString());
        assertTrue(lines.get(1).matches("sha1=([0-9A-F]{2}:){19}[0-9A-F]{2}"), lines.toString());
        int ready = lines.indexOf("ready");
        assertEquals("disk=db01 2001 " + vcenter.resolve("datastores/ds1/db01/db01_1-flat.vmdk"), lines.get(ready - 1));
        assertEquals("ok", lines.get(ready + 1));
        assertTrue(lines.get(ready + 2).startsWith("error METHOD"), lines.toString());
        assertEquals(0, program.exitValue());
    }

    @Test
    void objectsComeInPagesAlongTraversals() throws Exception {
        Settings settings = Settings.DEFAULT.paging(2);
        try (SimulatedVCenter sim = SimulatedVCenter.start(folder, settings);
                RawClient client = new RawClient(sim).login(sim)) {
            sim.addVm("a");
            sim.addVm("DC0", "sub", "ds1", "b");
            sim.addVm("DC1", "", "ds1", "c");
            String walk =
                    "<selectSet xsi:type=\"TraversalSpec\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
                            + "<name>%s</name><type>%s</type><path>%s</path><selectSet><name>f</name></selectSet>"
                            + "<selectSet><name>d</name></selectSet></selectSet>";
            String spec = "<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>"
                    + "<obj type=\"Folder\">group-d1</obj><skip>true</skip>"
                    + walk.formatted("f", "Folder", "childEntity")
                    + walk.formatted("d", "Datacenter", "vmFolder")
                    + "</objectSet></specSet><options/>";
            String collector = "PropertyCollector";
            String first = client.call("RetrievePropertiesEx", collector, "propertyCollector", spec);
            assertEquals(2, first.split("<objects>", -1).length - 1, first);
            String token = "<token>" + RawClient.value(first, "token") + "</token>";
            String rest = client.call("ContinueRetrievePropertiesEx", collector, "propertyCollector", token);
            assertEquals(1, rest.split("<objects>", -1).length - 1, rest);
            for (String name : List.of("a", "b", "c")) {
                assertTrue((first + rest).contains("<val xsi:type=\"xsd:string\">" + name + "</val>"), first + rest);
            }
            assertTrue(client.properties("VirtualMachine", sim.vms().getFirst().moref(), "config.nonsense")
                    .contains("<InvalidPropertyFault"));
        }
    }
}
