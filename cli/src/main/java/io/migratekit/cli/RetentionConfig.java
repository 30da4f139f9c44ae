package io.migratekit.cli;

import java.util.Map;
import java.util.TreeMap;

/** What does {@code [retention]} of the configuration mean? Rules for all VMs, and for some of them others that beat those. */
record RetentionConfig(RetentionRules all, Map<String, RetentionRules> vms) {
    static final RetentionConfig NONE = new RetentionConfig(RetentionRules.NONE, Map.of());

    static RetentionConfig read(ConfigTable table) {
        RetentionRules all = RetentionRules.read(table);
        Map<String, RetentionRules> vms = new TreeMap<>();
        for (String name : table.keys()) {
            if (table.isTable(name)) {
                table.table(name).ifPresent(one -> {
                    vms.put(name, RetentionRules.read(one));
                    one.refuseTheRest();
                });
            }
        }
        table.refuseTheRest();
        return new RetentionConfig(all, vms);
    }

    /** The id goes before the name, which several VMs may have. */
    RetentionRules of(String id, String name) {
        RetentionRules own = vms.getOrDefault(id, vms.getOrDefault(name, RetentionRules.NONE));
        return all.beatenBy(own);
    }
}
