package io.migratekit.hub.guest;

/** How far has the guest come, as far as one can see? Each sign says more than the one before it. */
public enum Sign {
    NOTHING("nothing was seen, not even the firmware"),
    FIRMWARE("the firmware ran"),
    HANDED_OVER("the firmware started something from a disk"),
    SCREEN("the screen changed after the firmware had started something from a disk"),
    KERNEL("the kernel of an operating system ran"),
    PROGRAMS("programs of the guest ran"),
    SERVICES("the guest started its services"),
    LOGIN("the guest asks for a login"),
    EXPECTED("what was expected appeared");

    private final String words;

    Sign(String words) {
        this.words = words;
    }

    /** A sentence without its full stop. */
    public String words() {
        return words;
    }
}
