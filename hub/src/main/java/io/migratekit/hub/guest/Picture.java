package io.migratekit.hub.guest;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is on the screen, and is it something else than before? A picture in qemu's plain format, PPM. */
final class Picture {
    private static final Pattern HEAD = Pattern.compile("^P6\\s+([0-9]{1,5})\\s+([0-9]{1,5})\\s+255\\s");
    /** A cursor that blinks and a clock that ticks are less than one pixel in this many. */
    private static final int ONE_IN = 200;

    private final int width;
    private final int height;
    private final byte[] pixels;

    private Picture(int width, int height, byte[] pixels) {
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    /** Reads a file of it; one that is not whole yet is empty. */
    static Picture of(byte[] ppm) {
        Matcher head = HEAD.matcher(new String(ppm, 0, Math.min(32, ppm.length), StandardCharsets.ISO_8859_1));
        if (!head.find()) {
            return new Picture(0, 0, new byte[0]);
        }
        return new Picture(
                Integer.parseInt(head.group(1)),
                Integer.parseInt(head.group(2)),
                Arrays.copyOfRange(ppm, head.end(), ppm.length));
    }

    /** Whether it has the size of a screen in text mode. */
    boolean isText() {
        return width == 720 && height == 400;
    }

    /** Whether another size, or a notable part of the pixels, tells them apart. */
    boolean differsFrom(Picture other) {
        if (width != other.width || height != other.height || pixels.length != other.pixels.length) {
            return true;
        }
        int different = 0;
        for (int i = 0; i + 2 < pixels.length; i += 3) {
            if (pixels[i] != other.pixels[i]
                    || pixels[i + 1] != other.pixels[i + 1]
                    || pixels[i + 2] != other.pixels[i + 2]) {
                different++;
            }
        }
        return different > pixels.length / 3 / ONE_IN;
    }
}
