package io.migratekit.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Does a secret stand in a heap of bytes, in whichever way it was written there?
 *
 * <p>Each secret has letters and digits in its middle that nothing else has. Those survive every escaping, of JSON, XML, URLs and
 * shells, so they are what is looked for: as they are, in UTF-16, in hexadecimal, and in Base64 at each of the three places where
 * they may begin there.
 */
final class Canaries {
    private static final int CORE = 18;
    private static final int BUFFER = 1 << 20;
    private static final String SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private final Random random;
    /** By the first four bytes of each, so that all are looked for at once. */
    private final Map<Integer, List<Form>> forms = new HashMap<>();

    /** The files in which they were given. */
    private final Set<Path> given = new TreeSet<>();

    /** Whether a form begins with these two bytes: an answer for nearly all places, and a quick one. */
    private final boolean[] begins = new boolean[1 << 16];

    private int longest;

    private static final class Form {
        private final String name;
        private final byte[] bytes;

        private Form(String canary, String way, byte[] bytes) {
            this.name = canary + " (" + way + ")";
            this.bytes = bytes;
        }
    }

    Canaries(Random random) {
        this.random = random;
    }

    /** A new secret between these words, which are there to be escaped. */
    String make(String name, String before, String after) {
        StringBuilder core = new StringBuilder();
        for (int i = 0; i < CORE; i++) {
            core.append(SIGNS.charAt(random.nextInt(SIGNS.length())));
        }
        watch(name, core.toString());
        return before + core + after;
    }

    /** What somebody else has made: all of it is unlike anything else, and no sign of it is ever escaped. */
    void watch(String name, String core) {
        if (core.length() < CORE) {
            throw new IllegalArgumentException(name + " is too short to be told from anything else");
        }
        byte[] bytes = core.getBytes(StandardCharsets.US_ASCII);
        add(name, "plain", bytes);
        for (Charset wide : List.of(StandardCharsets.UTF_16LE, StandardCharsets.UTF_16BE)) {
            add(name, wide.name(), core.getBytes(wide));
        }
        ascii(name, "hex", HexFormat.of().formatHex(bytes));
        ascii(name, "HEX", HexFormat.of().withUpperCase().formatHex(bytes));
        for (int shift = 0; shift < 3; shift++) {
            byte[] shifted = new byte[shift + bytes.length];
            System.arraycopy(bytes, 0, shifted, shift, bytes.length);
            // The signs at both ends depend on what else is there.
            int from = shift == 0 ? 0 : shift + 1;
            int to = shifted.length * 8 / 6;
            String usual = Base64.getEncoder().encodeToString(shifted).substring(from, to);
            ascii(name, "Base64 from " + shift, usual);
            String ofUrls = usual.replace('+', '-').replace('/', '_');
            if (!ofUrls.equals(usual)) {
                ascii(name, "Base64 of URLs from " + shift, ofUrls);
            }
        }
    }

    private void ascii(String name, String form, String text) {
        add(name, form, text.getBytes(StandardCharsets.US_ASCII));
    }

    private void add(String name, String form, byte[] bytes) {
        longest = Math.max(longest, bytes.length);
        begins[first(bytes, 0) >>> 16] = true;
        forms.computeIfAbsent(first(bytes, 0), _ -> new ArrayList<>()).add(new Form(name, form, bytes));
    }

    private static int first(byte[] bytes, int at) {
        return ByteBuffer.wrap(bytes, at, Integer.BYTES).getInt();
    }

    /** Which secrets are in there, and how: never the secrets themselves. */
    Set<String> in(byte[] bytes) {
        return in(bytes, bytes.length);
    }

    private Set<String> in(byte[] bytes, int length) {
        Set<String> found = new TreeSet<>();
        for (int at = 0; at + 4 <= length; at++) {
            if (!begins[((bytes[at] & 255) << 8) | (bytes[at + 1] & 255)]) {
                continue;
            }
            List<Form> here = forms.get(first(bytes, at));
            if (here != null) {
                for (Form form : here) {
                    int end = at + form.bytes.length;
                    if (end <= length && Arrays.equals(bytes, at, end, form.bytes, 0, form.bytes.length)) {
                        found.add(form.name);
                    }
                }
            }
        }
        return found;
    }

    /** Gives a secret in a file, which may have it from now on. */
    Path give(Path file, String secret) throws IOException {
        given.add(file);
        return Files.writeString(file, secret + "\n");
    }

    /** Somebody else gives one there. */
    void given(Path... files) {
        given.addAll(List.of(files));
    }

    /** The same of all files in which no secret was given, below a folder. */
    Set<String> below(Path root) throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                if (!given.contains(file)) {
                    inFile(file).forEach(what -> found.add(what + " in " + file));
                    in(file.toString().getBytes(StandardCharsets.UTF_8))
                            .forEach(what -> found.add(what + " in the name of a file"));
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return found;
    }

    private Set<String> inFile(Path file) throws IOException {
        Set<String> found = new TreeSet<>();
        byte[] buffer = new byte[BUFFER + longest];
        int kept = 0;
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.readNBytes(buffer, kept, BUFFER); read > 0; read = in.readNBytes(buffer, kept, BUFFER)) {
                int length = kept + read;
                found.addAll(in(buffer, length));
                // What lies across the border of two pieces is seen with the second.
                kept = Math.min(length, longest - 1);
                System.arraycopy(buffer, length - kept, buffer, 0, kept);
            }
        } catch (NoSuchFileException e) {
            // It went while we were looking.
        }
        return found;
    }
}
