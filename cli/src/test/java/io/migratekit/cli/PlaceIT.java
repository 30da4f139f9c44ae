package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a VM that was copied to another hub and moved there go on from its copy, whoever is asked? */
class PlaceIT {
    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @Test
    void aVmThatIsMovedStandsOnItsCopy() throws IOException {
        System.out.println("place: seed=" + seed);
        try (NightLab lab = new NightLab(folder, 2, 1, random)) {
            NightLab.Machine vm = lab.machines().getFirst();
            lab.startAgents(2);
            lab.tellWell(1, "start", vm.id(), "--id", "first", "--wait");
            assertEquals("full", holds(lab, 0, vm, "first"), "it has its place at hub 0, whoever is asked");

            HubProcess other = lab.hubs().get(1);
            lab.tellWell(0, "copy", "--to-hub", "unix:" + other.socket());
            assertEquals("full", holds(lab, 1, vm, "first"));
            String id = NightLab.list(lab.ask(1, "place"), "places").stream()
                    .filter(place -> place.get("asked").getAsBoolean())
                    .map(place -> place.get("hub").getAsString())
                    .findFirst()
                    .orElseThrow();
            lab.tellWell(0, "place", vm.vm().name(), "--at", id);
            lab.write(vm, random, 5);
            lab.tellWell(0, "start", vm.id(), "--id", "second", "--wait");
            assertEquals("incremental", holds(lab, 1, vm, "second"), "it stands on the copy");
            assertTrue(lab.askIfThere(0, "show", "second").isEmpty(), "the old hub has nothing of it");
            assertEquals("full", holds(lab, 0, vm, "first"), "and keeps what it had");

            Run nowhere = lab.tell(0, "place", vm.vm().name(), "--at", "nowhere");
            assertEquals(2, nowhere.code(), nowhere::toString);
            assertTrue(nowhere.err().contains("no hub nowhere shares the queue"), nowhere::err);
        }
    }

    /** The restore point at this hub is what was frozen; says of which kind it is there. */
    private static String holds(NightLab lab, int hub, NightLab.Machine vm, String point) {
        JsonObject shown = lab.ask(hub, "show", point);
        List<JsonObject> disks = NightLab.list(shown, "disks");
        int number = point.equals("first") ? 0 : 1;
        String frozen = vm.vm().history().get(number).moref();
        for (JsonObject disk : disks) {
            Path truth = vm.vcenter().truth(frozen, disk.get("key").getAsInt());
            Path layer =
                    lab.hubs().get(hub).repository().resolve(disk.get("layer").getAsString());
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", truth.toString(), layer.toString());
        }
        return disks.getFirst().get("kind").getAsString();
    }
}
