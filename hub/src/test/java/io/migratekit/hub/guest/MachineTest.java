package io.migratekit.hub.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Is all read from a configuration that is in it, and what becomes of one in which something is missing or odd? */
class MachineTest {
    @Test
    void aConfigurationAsTheAgentWritesItNeedsNoGuess() {
        Machine machine = Points.machine("web01");
        assertEquals(List.of(), machine.notes());
        assertEquals("695c0894-33bf-449d-b1b6-2440b0d5bc21", machine.uuid());
        assertEquals(Firmware.BIOS, machine.firmware());
        assertEquals(2, machine.sockets());
        assertEquals(2, machine.coresPerSocket());
        assertEquals(2L << 30, machine.memoryBytes());
        assertEquals(
                List.of(
                        new MachineDisk(2000, "Hard disk 2000", DiskBus.PVSCSI, 0, 0, 1 << 20),
                        new MachineDisk(2001, "Hard disk 2001", DiskBus.PVSCSI, 0, 1, 1 << 20),
                        new MachineDisk(32000, "Hard disk 32000", DiskBus.NVME, 0, 0, 1 << 20)),
                machine.disks());
        assertEquals(
                List.of(
                        new MachineNic(NicModel.VMXNET3, "00:50:56:00:00:e3", "VM Network"),
                        new MachineNic(NicModel.E1000E, "00:50:56:00:00:e4", "")),
                machine.nics());
    }

    @Test
    void theDiskToBootFromComesFirst() {
        JsonObject configuration = Points.configuration();
        Points.inner(configuration, "config", "bootOptions")
                .add(
                        "bootOrder",
                        JsonParser.parseString("{\"_typeName\": \"VirtualMachineBootOptionsBootableDiskDevice\","
                                + " \"deviceKey\": \"32000\"}"));
        Machine machine = Machine.of(Points.point("web01", configuration, 2000, 2001, 32000));
        assertEquals(
                List.of(32000, 2000, 2001),
                machine.disks().stream().map(MachineDisk::key).toList());
    }

    @Test
    void whatIsMissingIsGuessedAndSaid() {
        Machine machine = Machine.of(Points.point("web01", null, 2000));
        assertEquals(Firmware.BIOS, machine.firmware());
        assertEquals(1, machine.cpus());
        assertEquals(2L << 30, machine.memoryBytes());
        assertEquals(DiskBus.SATA, machine.disks().getFirst().bus());
        String notes = String.join("\n", machine.notes());
        for (String sentence : List.of(
                "has no configuration",
                "does not say the firmware; BIOS is assumed",
                "the number of processors; one is assumed",
                "2 GiB are assumed",
                "on which controller disk 2000 hangs; SATA is assumed",
                "no network card")) {
            assertTrue(notes.contains(sentence), sentence + "\n" + notes);
        }
    }

    @Test
    void whatCannotBeIsNotTaken() {
        JsonObject configuration = Points.configuration();
        JsonObject hardware = Points.inner(configuration, "config", "hardware");
        hardware.addProperty("memoryMB", "1e300");
        hardware.addProperty("numCPU", -3);
        hardware.getAsJsonArray("device").get(6).getAsJsonObject().addProperty("macAddress", "01:00:5e:00:00:01");
        Machine machine = Machine.of(Points.point("web01", configuration, 2000));
        assertEquals(1, machine.cpus());
        assertEquals(2L << 30, machine.memoryBytes());
        assertEquals("", machine.nics().getFirst().mac());
        assertTrue(String.join(" ", machine.notes()).contains("no usable MAC address"), () -> "" + machine.notes());
    }

    @Test
    void noOddityStopsIt() {
        long seed = System.nanoTime();
        System.err.println("MachineTest seed " + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            JsonObject odd = (JsonObject) bent(Points.configuration(), random);
            Machine machine = Machine.of(Points.point("web01", odd, 2000, 2001, 32000));
            String where = "seed " + seed + " " + odd;
            assertEquals(3, machine.disks().size(), where);
            assertTrue(machine.cpus() >= 1 && machine.memoryBytes() >= 1 << 20, where);
            assertFalse(
                    machine.nics().stream().anyMatch(nic -> !nic.mac().matches("|([0-9a-f]{2}:){5}[0-9a-f]{2}")),
                    where);
        }
    }

    /** One in ten of its parts becomes something else, or goes. */
    private static JsonElement bent(JsonElement element, Random random) {
        if (element instanceof JsonObject object) {
            JsonObject bent = new JsonObject();
            object.entrySet().forEach(entry -> {
                if (random.nextInt(20) > 0) {
                    bent.add(entry.getKey(), bent(entry.getValue(), random));
                }
            });
            return bent;
        }
        if (element instanceof JsonArray array) {
            JsonArray bent = new JsonArray();
            array.forEach(one -> bent.add(bent(one, random)));
            return bent;
        }
        return switch (random.nextInt(60)) {
            case 0 -> JsonNull.INSTANCE;
            case 1 -> new JsonPrimitive(random.nextLong());
            case 2 -> new JsonPrimitive("'\"$(reboot)\n</domain>");
            case 3 -> new JsonPrimitive(-1);
            case 4 -> new JsonArray();
            case 5 -> new JsonPrimitive("9".repeat(10_000));
            default -> element;
        };
    }
}
