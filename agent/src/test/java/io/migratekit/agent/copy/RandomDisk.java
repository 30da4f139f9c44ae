package io.migratekit.agent.copy;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What does a random disk look like? Data, zeroes that somebody wrote, and areas that nobody touched, of any length. */
final class RandomDisk {
    private static final int NOISE_BYTES = 1 << 20;
    private static final int MOST_PIECES = 60;

    private enum Kind {
        DATA,
        ZEROES,
        DISCARDED,
        UNTOUCHED
    }

    private record Piece(long offset, int length, Kind kind) {}

    private final CopyLab lab;
    private final Random random;

    RandomDisk(CopyLab lab, Random random) {
        this.lab = lab;
        this.random = random;
    }

    /** A sparse raw file. */
    Path raw(long sizeBytes) {
        Path file = lab.newFile(".raw");
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(sizeBytes);
            for (Piece piece : pieces(sizeBytes)) {
                out.seek(piece.offset());
                switch (piece.kind()) {
                    case DATA -> out.write(CopyLab.noise(piece.length(), random.nextLong()));
                    case ZEROES -> out.write(new byte[piece.length()]);
                    default -> {}
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    /** A qcow2 image; qemu rounds its size up to whole sectors. */
    Path qcow2(long sizeBytes) {
        Path file = emptyQcow2(sizeBytes);
        paint(file, sizeBytes);
        return file;
    }

    Path emptyQcow2(long sizeBytes) {
        Path file = lab.newFile(".qcow2");
        Tool.run("qemu-img", "create", "-q", "-f", "qcow2", file.toString(), Long.toString(sizeBytes));
        return file;
    }

    /** A qcow2 image over another one or over a raw file, of the same size, with pieces of its own. */
    Path overlay(Path backing, String format, long sizeBytes) {
        Path file = emptyOverlay(backing, format);
        paint(file, sizeBytes);
        return file;
    }

    Path emptyOverlay(Path backing, String format) {
        Path file = lab.newFile(".qcow2");
        Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", backing.toString(), "-F", format, file.toString());
        return file;
    }

    /** Fills an export that reads as zero. */
    void fill(String uri, long sizeBytes) {
        for (Piece piece : pieces(sizeBytes)) {
            if (piece.kind() == Kind.DATA) {
                lab.write(uri, piece.offset(), CopyLab.noise(piece.length(), random.nextLong()));
            }
        }
    }

    /** The same for nbdkit's plugin "data": bytes at offsets, as words. */
    String words(long sizeBytes) {
        StringBuilder words = new StringBuilder();
        for (Piece piece : pieces(sizeBytes)) {
            if (piece.kind() == Kind.DATA) {
                words.append("@").append(piece.offset()).append(" (");
                for (int i = 0; i < 5; i++) {
                    words.append(1 + random.nextInt(255)).append(' ');
                }
                words.append(")*").append(Math.max(1, piece.length() / 5)).append(' ');
            }
        }
        return words.append("@").append(sizeBytes).toString();
    }

    private void paint(Path qcow2, long sizeBytes) {
        Path noise = lab.noiseFile(NOISE_BYTES, random.nextLong());
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (Piece piece : pieces(sizeBytes)) {
            String where = " " + piece.offset() + " " + piece.length();
            switch (piece.kind()) {
                case DATA -> words.addAll(List.of("-c", "write -q -s " + noise + where));
                case ZEROES -> words.addAll(List.of("-c", "write -q -z" + where));
                case DISCARDED -> words.addAll(List.of("-c", "discard -q" + where));
                case UNTOUCHED -> {}
            }
        }
        words.addAll(List.of("-c", "flush", qcow2.toString()));
        Tool.run(words.toArray(String[]::new));
    }

    /** From single bytes to a megabyte; half of them on the borders of clusters. */
    private List<Piece> pieces(long sizeBytes) {
        List<Piece> pieces = new ArrayList<>();
        long position = 0;
        while (position < sizeBytes && pieces.size() < MOST_PIECES) {
            long length = 1 + random.nextLong(1L << random.nextInt(1, 21));
            if (random.nextBoolean()) {
                length = Math.max(
                        CopyLimits.GRAIN, (position + length) / CopyLimits.GRAIN * CopyLimits.GRAIN - position);
            }
            length = Math.min(length, sizeBytes - position);
            pieces.add(new Piece(position, (int) length, Kind.values()[random.nextInt(Kind.values().length)]));
            position += length;
        }
        return pieces;
    }
}
