package io.migratekit.hub.guest;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** What is on the guest's screen? A picture, and in text mode also the text, which lies in the guest's memory. */
final class GuestScreen {
    /** Where every PC has the text of its screen: two bytes for each place, of which the first one is the letter. */
    private static final long TEXT_ADDRESS = 0xb8000;

    private static final int TEXT_BYTES = 0x8000;
    private static final int COLUMNS = 80;

    private final Qmp qmp;
    private final Path folder;

    GuestScreen(Qmp qmp, Path folder) {
        this.qmp = qmp;
        this.folder = folder;
    }

    Picture picture() throws IOException {
        Path file = folder.resolve("look.ppm");
        dump(file, "ppm");
        return Picture.of(Files.readAllBytes(file));
    }

    /** What is written on it, with what has just been pushed off its upper end. */
    String text() throws IOException {
        Path file = folder.resolve("text");
        JsonObject arguments = new JsonObject();
        arguments.addProperty("val", TEXT_ADDRESS);
        arguments.addProperty("size", TEXT_BYTES);
        arguments.addProperty("filename", file.toString());
        qmp.ask("pmemsave", arguments);
        return lines(Files.readAllBytes(file));
    }

    private static String lines(byte[] memory) {
        StringBuilder text = new StringBuilder();
        for (int line = 0; line + 2 * COLUMNS <= memory.length; line += 2 * COLUMNS) {
            byte[] letters = new byte[COLUMNS];
            for (int i = 0; i < COLUMNS; i++) {
                byte letter = memory[line + 2 * i];
                letters[i] = letter >= ' ' ? letter : (byte) ' ';
            }
            text.append(new String(letters, StandardCharsets.US_ASCII).stripTrailing())
                    .append('\n');
        }
        return text.toString();
    }

    /** As PNG where this qemu can, else as PPM, and with that ending. */
    Path save(Path place) throws IOException {
        Path file = folder.resolve("last");
        Path target = place;
        try {
            dump(file, "png");
        } catch (Qmp.Refused e) {
            dump(file, "ppm");
            String name = String.valueOf(place.getFileName()).replaceFirst("\\.[A-Za-z]+$", "");
            target = place.resolveSibling(name + ".ppm");
        }
        return Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Older ones write nothing but PPM, and know no word for it. */
    private void dump(Path file, String format) throws IOException {
        JsonObject arguments = new JsonObject();
        arguments.addProperty("filename", file.toString());
        if (!format.equals("ppm")) {
            arguments.addProperty("format", format);
        }
        qmp.ask("screendump", arguments);
    }
}
