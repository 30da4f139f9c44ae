package io.migratekit.hub.repository;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * How many restore points of a VM are wanted? The newest one of each of the last so many hours, days, ... that have one.
 *
 * @param last the newest ones, whenever they were taken
 * @param within all that are not older than the newest one by more than this; zero says nothing
 */
public record RetentionPolicy(int last, int hourly, int daily, int weekly, int monthly, int yearly, Duration within) {
    public RetentionPolicy {
        if (last < 0 || hourly < 0 || daily < 0 || weekly < 0 || monthly < 0 || yearly < 0 || within.isNegative()) {
            throw new RepositoryException.BadRequest("a policy counts from 0 on");
        }
        if (last + (long) hourly + daily + weekly + monthly + yearly == 0 && within.isZero()) {
            throw new RepositoryException.BadRequest("the policy keeps nothing, and so nothing is removed; say how many"
                    + " restore points to keep, such as the last 3 or 7 daily ones");
        }
    }

    /** As a person writes it. */
    public String told() {
        List<String> all = new ArrayList<>();
        add(all, "last", last);
        add(all, "hourly", hourly);
        add(all, "daily", daily);
        add(all, "weekly", weekly);
        add(all, "monthly", monthly);
        add(all, "yearly", yearly);
        if (!within.isZero()) {
            all.add("within " + told(within));
        }
        return String.join(", ", all);
    }

    private static void add(List<String> all, String rule, int count) {
        if (count > 0) {
            all.add(rule + " " + count);
        }
    }

    /** A time as short as it can be said: 7d, 36h, 90s. */
    static String told(Duration time) {
        long seconds = time.toSeconds();
        if (seconds % 86_400 == 0) {
            return seconds / 86_400 + "d";
        }
        return seconds % 3600 == 0 ? seconds / 3600 + "h" : seconds % 60 == 0 ? seconds / 60 + "m" : seconds + "s";
    }
}
