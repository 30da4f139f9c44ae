package io.migratekit.hub.repository;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * On which file does a QCOW2 file say that it stands, and how large is its disk? Read here and not by qemu-img, because a
 * header is looked at before anything follows where it leads.
 *
 * @param backing the bare name of the file below, in the same folder; its format is stated and qcow2
 */
record Qcow2Header(long diskBytes, Optional<String> backing) {
    private static final int MAGIC = 0x514649fb;
    private static final int READ_BYTES = 64 << 10;
    private static final int VERSION_3_BYTES = 104;
    private static final long MARKED_CORRUPT = 1 << 1;
    private static final long DATA_ELSEWHERE = 1 << 2;
    private static final int BACKING_FORMAT = 0xe2792aca;
    private static final int LONGEST_NAME = 1023;

    /** What is wrong with a file; the message completes "the layer cannot be used: ...". */
    static final class Unfit extends Exception {
        private static final long serialVersionUID = 1L;

        Unfit(String message) {
            super(message);
        }
    }

    static Qcow2Header read(Path file) throws IOException, Unfit {
        ByteBuffer bytes = ByteBuffer.allocate(READ_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
        }
        try {
            return parse(bytes.flip());
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new Unfit("its header is cut short or damaged");
        }
    }

    private static Qcow2Header parse(ByteBuffer bytes) throws Unfit {
        if (bytes.getInt(0) != MAGIC || bytes.getInt(4) != 3) {
            throw new Unfit("it is not a QCOW2 file of version 3");
        }
        long nameOffset = bytes.getLong(8);
        int nameBytes = bytes.getInt(16);
        long diskBytes = bytes.getLong(24);
        long features = bytes.getLong(72);
        int headerBytes = bytes.getInt(100);
        if (diskBytes <= 0 || headerBytes < VERSION_3_BYTES) {
            throw new Unfit("its header is damaged");
        }
        if ((features & MARKED_CORRUPT) != 0) {
            throw new Unfit("qemu has marked it as corrupt");
        }
        if ((features & DATA_ELSEWHERE) != 0 || bytes.getInt(32) != 0) {
            throw new Unfit("it is encrypted or keeps its data in another file, as no layer does");
        }
        if (nameOffset == 0) {
            return new Qcow2Header(diskBytes, Optional.empty());
        }
        if (nameBytes < 1 || nameBytes > LONGEST_NAME) {
            throw new Unfit("its header is damaged");
        }
        byte[] name = new byte[nameBytes];
        bytes.get(Math.toIntExact(nameOffset), name);
        String backing = new String(name, StandardCharsets.UTF_8);
        if (!Layers.isName(backing)) {
            throw new Unfit("it stands on " + backing + ", which is no layer beside it");
        }
        if (!format(bytes.position(headerBytes)).equals("qcow2")) {
            throw new Unfit("it does not say that what it stands on is qcow2");
        }
        return new Qcow2Header(diskBytes, Optional.of(backing));
    }

    /** Extensions follow the header: type, length, and content up to the next multiple of eight. */
    private static String format(ByteBuffer extensions) {
        for (int type = extensions.getInt(); type != 0; type = extensions.getInt()) {
            int length = extensions.getInt();
            byte[] content = new byte[Math.min(length, extensions.remaining())];
            extensions.get(content);
            if (type == BACKING_FORMAT) {
                return new String(content, StandardCharsets.UTF_8);
            }
            extensions.position(extensions.position() + (8 - length % 8) % 8);
        }
        return "";
    }
}
