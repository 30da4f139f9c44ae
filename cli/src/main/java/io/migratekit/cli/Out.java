package io.migratekit.cli;

import java.io.IOException;
import java.io.UncheckedIOException;

/** How is text handed out? To an {@link Appendable}, with a failure (a full disk, a closed pipe) never swallowed. */
final class Out {
    private final Appendable to;

    Out(Appendable to) {
        this.to = to;
    }

    void print(CharSequence text) {
        try {
            to.append(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
