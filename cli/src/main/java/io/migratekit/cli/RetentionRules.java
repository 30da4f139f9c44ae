package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.hub.repository.RetentionPolicy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is said about which restore points are kept, in one place: a table of the configuration, or options? A rule of which
 * nothing is said is another matter than one that is 0.
 */
record RetentionRules(Map<String, Integer> counts, @Nullable Duration within) {
    static final RetentionRules NONE = new RetentionRules(Map.of(), null);
    static final List<String> COUNTED = List.of("last", "hourly", "daily", "weekly", "monthly", "yearly");
    static final int MOST = 100_000;
    private static final String KEEP = "keep-";

    RetentionRules {
        counts = Map.copyOf(counts);
    }

    static RetentionRules read(ConfigTable table) {
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (String rule : COUNTED) {
            table.number(KEEP + rule).ifPresent(count -> {
                if (count < 0 || count > MOST) {
                    throw table.wrong(KEEP + rule, "has to be from 0 to " + MOST);
                }
                counts.put(rule, count);
            });
        }
        return new RetentionRules(counts, table.time(KEEP + "within").orElse(null));
    }

    static RetentionRules of(RetentionPolicy policy) {
        return new RetentionRules(
                Map.of(
                        "last", policy.last(),
                        "hourly", policy.hourly(),
                        "daily", policy.daily(),
                        "weekly", policy.weekly(),
                        "monthly", policy.monthly(),
                        "yearly", policy.yearly()),
                policy.within());
    }

    /** What the other one says goes before what this one says, rule by rule. */
    RetentionRules beatenBy(RetentionRules other) {
        Map<String, Integer> all = new LinkedHashMap<>(counts);
        all.putAll(other.counts);
        return new RetentionRules(all, other.within == null ? within : other.within);
    }

    /** Nothing, if no rule keeps anything: that is no wish to remove all. */
    Optional<RetentionPolicy> policy() {
        Duration time = within == null ? Duration.ZERO : within;
        if (time.isZero() && counts.values().stream().allMatch(count -> count == 0)) {
            return Optional.empty();
        }
        return Optional.of(new RetentionPolicy(
                count("last"),
                count("hourly"),
                count("daily"),
                count("weekly"),
                count("monthly"),
                count("yearly"),
                time));
    }

    private int count(String rule) {
        return counts.getOrDefault(rule, 0);
    }

    /** As hub/openapi.yaml has it. */
    JsonObject toJson() {
        JsonObject keep = new JsonObject();
        COUNTED.forEach(rule -> keep.addProperty(rule, count(rule)));
        keep.addProperty("withinSeconds", within == null ? 0 : within.toSeconds());
        return keep;
    }
}
