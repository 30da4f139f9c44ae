package io.migratekit.nbd;

import java.util.Arrays;

/** What is a password or a token while it is in memory? Held as characters, shown to nobody, wiped when it is closed. */
public final class Secret implements AutoCloseable {
    private final char[] characters;

    /** Takes a copy. */
    public Secret(char[] characters) {
        this.characters = characters.clone();
    }

    /** A copy of it, to be wiped by whoever asked. */
    public char[] reveal() {
        return characters.clone();
    }

    @Override
    public void close() {
        Arrays.fill(characters, '\0');
    }

    @Override
    public String toString() {
        return "(secret)";
    }
}
