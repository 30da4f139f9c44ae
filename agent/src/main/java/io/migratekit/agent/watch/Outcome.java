package io.migratekit.agent.watch;

import io.migratekit.nbd.NbdException;

/** How did a wait end? */
public enum Outcome {
    ANSWERED("answered"),
    /** The server answered with an error. */
    ERROR("error"),
    TIMED_OUT("timed-out"),
    /** We stopped waiting ourselves: an interrupt, or the end of the run. */
    INTERRUPTED("interrupted"),
    LOST("connection-lost");

    private final String id;

    Outcome(String id) {
        this.id = id;
    }

    public String id() {
        return id;
    }

    /** Whether the server said something, be it good or bad. */
    boolean isAnswer() {
        return this == ANSWERED || this == ERROR;
    }

    /** How waits end that are cut short by this failure of their connection. */
    static Outcome of(NbdException failure) {
        return switch (failure) {
            case NbdException.NoAnswer e -> TIMED_OUT;
            case NbdException.DeadlinePassed e -> TIMED_OUT;
            case NbdException.Cancelled e -> INTERRUPTED;
            case NbdException.RequestFailed e -> ERROR;
            case NbdException.Refused e -> ERROR;
            case NbdException.Unsupported e -> ERROR;
            case NbdException.BadUri e -> ERROR;
            case NbdException.LibraryMissing e -> ERROR;
            case NbdException.NotNbd e -> ERROR;
            case NbdException.TlsFailed e -> ERROR;
            case NbdException.Unreachable e -> LOST;
            case NbdException.ConnectionLost e -> LOST;
        };
    }
}
