package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;

/**
 * Which calls are to go wrong, and how? Thread-safe; rules may come and go while calls run. A method is named as on
 * the wire, {@code CreateSnapshot_Task} or {@code GET /folder}, and {@code *} is every one.
 */
public final class Faults {
    /** A rule, and how often it struck. */
    public static final class Rule {
        private final String method;
        private final Trouble trouble;
        private final int from;
        private final int times;
        private int seen;
        private int hits;

        private Rule(String method, Trouble trouble, int from, int times) {
            this.method = method;
            this.trouble = trouble;
            this.from = from;
            this.times = times;
        }

        private synchronized boolean strikes(String called) {
            if (!method.equals("*") && !method.equals(called)) {
                return false;
            }
            seen++;
            if (seen < from || hits >= times) {
                return false;
            }
            hits++;
            return true;
        }

        public synchronized int hits() {
            return hits;
        }
    }

    /** What comes of removing a snapshot whose disk is being read. */
    public enum LockedRemoval {
        /** A fault, and the snapshot stays. */
        KEEPS_SNAPSHOT,
        /** A fault; the snapshot is gone from the tree, and the disks need consolidation. */
        NEEDS_CONSOLIDATION
    }

    private final List<Rule> rules = new ArrayList<>();
    private volatile PageShape pages = PageShape.DEFAULT;
    private volatile LockedRemoval lockedRemoval = LockedRemoval.KEEPS_SNAPSHOT;
    private volatile boolean strange;
    private volatile boolean lostSessionIsMissing;

    public Rule always(String method, Trouble trouble) {
        return add(new Rule(method, trouble, 1, Integer.MAX_VALUE));
    }

    public Rule once(String method, Trouble trouble) {
        return nth(1, method, trouble);
    }

    /** The n-th call from now on, counted from 1. */
    public Rule nth(int n, String method, Trouble trouble) {
        return add(new Rule(method, trouble, n, 1));
    }

    /** The first so many calls from now on. */
    public Rule times(int times, String method, Trouble trouble) {
        return add(new Rule(method, trouble, 1, times));
    }

    /** In words: {@code METHOD=TROUBLE} for every call, {@code METHOD@3=TROUBLE} for the third. */
    public Rule parse(String words) {
        int equals = words.indexOf('=');
        if (equals < 1) {
            throw new IllegalArgumentException("METHOD[@N]=TROUBLE is meant, not " + words);
        }
        String[] method = words.substring(0, equals).split("@", 2);
        Trouble trouble = Trouble.parse(words.substring(equals + 1));
        return method.length == 1 ? always(method[0], trouble) : nth(Integer.parseInt(method[1]), method[0], trouble);
    }

    private synchronized Rule add(Rule rule) {
        rules.add(rule);
        return rule;
    }

    /** Everything is well again. */
    public synchronized void clear() {
        rules.clear();
        pages = PageShape.DEFAULT;
        lockedRemoval = LockedRemoval.KEEPS_SNAPSHOT;
        strange = false;
        lostSessionIsMissing = false;
    }

    public Faults pages(PageShape shape) {
        pages = shape;
        return this;
    }

    public Faults lockedRemoval(LockedRemoval outcome) {
        lockedRemoval = outcome;
        return this;
    }

    /** Unknown elements in every object, unknown device types, unknown enum constants: a newer server. */
    public Faults strange(boolean yes) {
        strange = yes;
        return this;
    }

    /** Whether properties without a session are answered with NotAuthenticated in {@code missingSet}, not by a fault. */
    public Faults lostSessionIsMissing(boolean yes) {
        lostSessionIsMissing = yes;
        return this;
    }

    PageShape pages() {
        return pages;
    }

    LockedRemoval lockedRemoval() {
        return lockedRemoval;
    }

    boolean isStrange() {
        return strange;
    }

    boolean lostSessionIsMissing() {
        return lostSessionIsMissing;
    }

    /** What strikes a call that is being made now. */
    synchronized List<Trouble> strike(String method) {
        List<Trouble> found = new ArrayList<>();
        for (Rule rule : rules) {
            if (rule.strikes(method)) {
                found.add(rule.trouble);
            }
        }
        return found;
    }
}
