package io.migratekit.agent.watch;

import org.jspecify.annotations.Nullable;

/** What is a worker about? Its nature tells whether standing still in it is suspicious. */
public enum Stage {
    IDLE("idle", Nature.OVER, null),
    CONNECTING("connecting", Nature.PEER, null),
    LISTING("listing-extents", Nature.PEER, null),
    COPYING("copying", Nature.PEER, null),
    FLUSHING("flushing", Nature.PEER, null),
    VERIFYING("verifying", Nature.PEER, null),
    /** Waits before it connects again. */
    BACKING_OFF("backing-off", Nature.DELIBERATE, WaitName.BACK_OFF),
    /** Waits because of {@code --rate}. */
    RATE_LIMITED("rate-limited", Nature.DELIBERATE, WaitName.RATE_LIMIT),
    PAUSED("paused", Nature.DELIBERATE, WaitName.PAUSE),
    /** Waits for other workers, whose own pulse tells what they wait for. */
    WAITING_FOR_OTHERS("waiting-for-others", Nature.DELIBERATE, WaitName.OTHERS),
    /** Works on the CPU for long without looking at its connections. */
    COMPUTING("computing", Nature.CPU, null),
    /** Writes to the state directory. */
    JOURNAL("journal", Nature.LOCAL_DISK, WaitName.JOURNAL),
    DONE("done", Nature.OVER, null);

    /** What has to happen for the stage to end. */
    enum Nature {
        /** A peer answers. */
        PEER,
        /** Time passes, or another worker gets on: standing still is meant. */
        DELIBERATE,
        /** The own CPU gets through. */
        CPU,
        /** The own disk answers. */
        LOCAL_DISK,
        /** Nothing: there is no work. */
        OVER
    }

    private final String id;
    private final Nature nature;
    private final @Nullable WaitName wait;

    Stage(String id, Nature nature, @Nullable WaitName wait) {
        this.id = id;
        this.nature = nature;
        this.wait = wait;
    }

    public String id() {
        return id;
    }

    Nature nature() {
        return nature;
    }

    /** How the ledger counts the time in this stage; null if the waits inside it are counted themselves. */
    @Nullable
    WaitName countedAs() {
        return wait;
    }
}
