package io.migratekit.agent.migration;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobId;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileReader;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/** In which words is the hub asked? The schemas of hub/openapi.yaml. */
public final class HubRequests {
    private static final int LONGEST_WORDS = 1024;

    private HubRequests() {}

    /** What is known of a VM. */
    public static JsonObject inventory(String vcenter, VmConfiguration vm) {
        JsonObject inventory = new JsonObject();
        inventory.addProperty("name", vm.name());
        inventory.addProperty("vcenter", vcenter);
        JsonArray disks = new JsonArray();
        vm.disks().forEach(disk -> disks.add(disk(disk)));
        inventory.add("disks", disks);
        inventory.add("configuration", vm.toJson());
        return inventory;
    }

    private static JsonObject disk(VmDisk disk) {
        JsonObject json = new JsonObject();
        json.addProperty("key", disk.key());
        json.addProperty("label", disk.label());
        json.addProperty("capacityBytes", disk.capacityBytes());
        return json;
    }

    /** Layers for these disks. */
    static JsonObject start(
            JobId id, VmConfiguration vm, int workers, int leaseSeconds, Collection<VmDisk> disks, String kind) {
        JsonObject request = new JsonObject();
        request.addProperty("id", id.text());
        request.addProperty("vm", vm.instanceUuid());
        request.addProperty("name", vm.name());
        request.addProperty("workers", workers);
        request.addProperty("leaseSeconds", leaseSeconds);
        JsonArray wanted = new JsonArray();
        for (VmDisk disk : disks) {
            JsonObject one = disk(disk);
            one.addProperty("kind", kind);
            wanted.add(one);
        }
        request.add("disks", wanted);
        return request;
    }

    /** A restore point of what was copied. */
    static JsonObject seal(Landing.Commit commit, List<Landing.Disk> disks, String agent) {
        JsonObject seal = new JsonObject();
        seal.addProperty("takenAt", commit.frozenAt().toString());
        seal.addProperty("quiesced", commit.quiesced());
        seal.addProperty("agent", agent);
        seal.add("configuration", JsonParser.parseString(commit.configuration()));
        JsonArray list = new JsonArray();
        disks.forEach(disk -> list.add(sealed(disk)));
        seal.add("disks", list);
        return seal;
    }

    private static JsonObject sealed(Landing.Disk disk) {
        JsonObject json = new JsonObject();
        json.addProperty("key", disk.key());
        switch (disk) {
            case Landing.Missing missing -> json.addProperty("missing", shortened(missing.why()));
            case Landing.Copied copied -> {
                json.addProperty("reason", shortened(copied.reason()));
                copied.milestone()
                        .ifPresent(milestone -> json.add(
                                "moment",
                                JsonParser.parseString(
                                        milestone.withHashes(List.of()).json())));
                copied.hashes().ifPresent(file -> json.addProperty("hashes", root(file)));
            }
        }
        return json;
    }

    /** The contract wants no novels. */
    private static String shortened(String words) {
        return words.length() <= LONGEST_WORDS ? words : words.substring(0, LONGEST_WORDS - 3) + "...";
    }

    private static String root(Path file) {
        try (HashFileReader reader = HashFile.open(file)) {
            return reader.rootHex();
        }
    }
}
