package io.migratekit.vmware;

/**
 * At which moment of its change tracking was a disk? Opaque but for the part before the slash, which
 * changes when tracking began anew: then nothing that was remembered before holds.
 */
public record ChangeId(String text) {
    public ChangeId {
        if (text.isBlank()) {
            throw new IllegalArgumentException("an empty change id");
        }
    }

    /** Whether both moments lie in one life of the tracking. */
    public boolean isSameLifeAs(ChangeId other) {
        return life().equals(other.life());
    }

    private String life() {
        int slash = text.indexOf('/');
        return slash < 0 ? text : text.substring(0, slash);
    }

    @Override
    public String toString() {
        return text;
    }
}
