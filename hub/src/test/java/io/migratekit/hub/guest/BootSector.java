package io.migratekit.hub.guest;

import io.migratekit.nbd.fixture.Tool;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HexFormat;

/** What does the smallest guest do, one that is a boot sector? 16-bit code as bytes, each with what it means. */
final class BootSector {
    private static final int DISK_BYTES = 1 << 20;

    private BootSector() {}

    /** Writes the second sector of its disk, then a text on the first serial port, and rests. */
    static byte[] saying(String text) {
        byte[] code = hex(
                "31c0" // xor ax, ax
                        + "8ed8 8ec0" // mov ds, ax; mov es, ax
                        + "fb b90400 f4 e2fd" // sti; four ticks of the clock, in which SeaBIOS sends the rest of its
                        // words
                        + "b80103 bb007c b90200 ba8000" // one sector, from 7c00, to sector 2 of the first disk
                        + "cd13" // int 13h: write
                        + "720e" // jc to the end: then nothing is said
                        + "be2e7c" // mov si, the text
                        + "ac 84c0 7406" // lodsb; test al, al; jz to the end
                        + "baf803 ee ebf5" // mov dx, 3f8h; out dx, al; the next letter
                        + "f4 ebfd"); // hlt, for ever
        return sector(code, text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Writes a text into the tenth line of the screen, past the BIOS, and rests. */
    static byte[] showing(String text) {
        byte[] code = hex(
                "31c0 8ed8" // xor ax, ax; mov ds, ax
                        + "b800b8 8ec0" // mov ax, b800h; mov es, ax
                        + "bfa005" // mov di, the place
                        + "be1d7c fc" // mov si, the text; cld
                        + "ac 84c0 7405" // lodsb; test al, al; jz to the end
                        + "b407 ab ebf6" // mov ah, grey; stosw; the next letter
                        + "f4 ebfd"); // hlt, for ever
        return sector(code, text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Paints the screen in changing colours. */
    static byte[] painting() {
        return sector(
                hex(
                        "b800b8 8ec0" // mov ax, b800h; mov es, ax
                                + "fec3 88dc b058" // inc bl; mov ah, bl; mov al, 'X'
                                + "31ff b9d007 fc f3ab" // xor di, di; mov cx, 2000; cld; rep stosw
                                + "ebf0"), // again
                new byte[0]);
    }

    /** Does nothing at all, and hears no interrupt. */
    static byte[] hanging() {
        return sector(hex("fa f4 ebfd"), new byte[0]); // cli; hlt, for ever
    }

    /** Starts the machine again. */
    static byte[] restarting() {
        return sector(hex("ea0000ffff"), new byte[0]); // jmp ffff:0000
    }

    /** Nothing that could be booted. */
    static byte[] none() {
        return new byte[512];
    }

    /** A sealed layer that begins with this sector. */
    static Path layer(Path folder, byte[] sector) {
        try {
            Path raw = Files.write(folder.resolve("raw"), Arrays.copyOf(sector, DISK_BYTES));
            Path layer = folder.resolve("0001.qcow2");
            Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw.toString(), layer.toString());
            Files.setPosixFilePermissions(layer, PosixFilePermissions.fromString("r--r--r--"));
            return layer;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] sector(byte[] code, byte[] text) {
        ByteArrayOutputStream sector = new ByteArrayOutputStream();
        sector.writeBytes(code);
        sector.writeBytes(text);
        byte[] whole = Arrays.copyOf(sector.toByteArray(), 512);
        whole[510] = 0x55;
        whole[511] = (byte) 0xaa;
        return whole;
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }
}
