package io.migratekit.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which kinds does a picture of this context have, and in which order? Data-like first: where a cell of the picture
 * holds several kinds it shows the first, so that no island of data disappears in a sea of holes.
 *
 * <p>Their number is bounded whatever a server answers. Kinds are told apart by a key, mostly the flags; layers of a
 * chain deeper than the palette share one key, and so do flags without a meaning that come after the palette is used
 * up.
 */
final class Kinds {
    /** The key of flags that share the kind "other types". No context has all bits set. */
    static final long OTHER = -1;
    /** The deepest layer of a chain with an own kind is the one before. */
    private static final long DEEPEST = Ink.NUMBERED + 1L;

    private final String context;
    private final SortedSet<Long> seen = new TreeSet<>(Long::compareUnsigned);
    private final SortedSet<Long> unnamed = new TreeSet<>(Long::compareUnsigned);

    Kinds(String context) {
        this.context = context;
    }

    /** The key of an extent with these flags. */
    long key(long flags) {
        long key = flags;
        if (context.equals(ContextNames.DEPTH)) {
            key = Long.compareUnsigned(flags, DEEPEST) > 0 ? DEEPEST : flags;
        } else if (ContextNames.description(context, flags) == null && flags != 0 && !unnamed.contains(flags)) {
            key = unnamed.size() < Ink.NUMBERED && unnamed.add(flags) ? flags : OTHER;
        }
        seen.add(key);
        return key;
    }

    /** All kinds of which a key was asked, in the order of the legend. */
    List<Kind> inOrder() {
        List<Kind> kinds = new ArrayList<>();
        seen.stream()
                .sorted(Comparator.comparingLong(this::rank).thenComparing(Long::compareUnsigned))
                .forEach(key -> kinds.add(new Kind(key, name(key), ink(key))));
        return kinds;
    }

    /** Low comes first. In all contexts but base:allocation, 0 says that there is nothing to say. */
    private long rank(long key) {
        if (context.equals(ContextNames.ALLOCATION)) {
            // What need not read as zeroes, HOLE or not, goes before what does; OTHER may be anything, so after data.
            return key == OTHER ? 0 : key & 3;
        }
        return key == 0 ? 1 : 0;
    }

    private String name(long key) {
        if (key == OTHER) {
            return "other types";
        }
        String description = ContextNames.description(context, key);
        if (description == null) {
            return "type " + Long.toUnsignedString(key);
        }
        boolean deepest = context.equals(ContextNames.DEPTH) && key == DEEPEST;
        return deepest ? description + "+" : description;
    }

    private Ink ink(long key) {
        if (key == OTHER) {
            return Ink.OTHER;
        }
        if (context.equals(ContextNames.DEPTH) && key > 1) {
            String mark = key < 10 ? Long.toString(key) : "X";
            return Ink.numbered((int) key - 2, mark);
        }
        if (unnamed.contains(key)) {
            int index = unnamed.headSet(key).size();
            return Ink.numbered(index, Character.toString('A' + index));
        }
        if (context.equals(ContextNames.ALLOCATION)) {
            return allocationInk(key);
        }
        if (key == 0) {
            return Ink.GROUND;
        }
        return context.equals(ContextNames.DEPTH) ? Ink.SOLID : Ink.CHANGED;
    }

    private static Ink allocationInk(long key) {
        if (key == 0) {
            return Ink.SOLID;
        }
        if (key == 1) {
            return Ink.UNDEFINED;
        }
        return key == 2 ? Ink.ZEROES : Ink.GROUND;
    }
}
