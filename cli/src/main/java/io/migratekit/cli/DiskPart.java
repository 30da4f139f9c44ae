package io.migratekit.cli;

/**
 * What does a picture show? The part of a disk from {@code offset}, {@code length} bytes of it, through one metadata
 * context. Unlike a {@code ByteRange} it may be empty, because a disk may be.
 */
record DiskPart(String context, long offset, long length) {
    DiskPart {
        if (offset < 0 || length < 0 || offset + length < 0) {
            throw new IllegalArgumentException("not a part of a disk: offset=" + offset + " length=" + length);
        }
    }

    static DiskPart whole(String context, long diskSize) {
        return new DiskPart(context, 0, diskSize);
    }

    long end() {
        return offset + length;
    }

    /** "10 GiB", or "1 GiB from 9 GiB" where it is not seen from the disk's start. */
    String sizeForPeople() {
        String size = Sizes.rounded(length);
        return offset == 0 ? size : size + " from " + Sizes.rounded(offset);
    }
}
