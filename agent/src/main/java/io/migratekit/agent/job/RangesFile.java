package io.migratekit.agent.job;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.files.SafeFiles;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which ranges does the user want copied? Reads a JSON list of {@code {"offset":..,"length":..}}, one
 * after the other, so that a million of them need no memory.
 *
 * <p>Other fields are ignored, so that the output of {@code migratekit map --json} will do, and so are
 * empty ranges. The order and overlaps are the consumer's business.
 */
public final class RangesFile {
    /** The name that stands for the standard input. */
    public static final String STDIN = "-";

    /** How a reader shows where it is: the only way to learn line and column from it. */
    private static final Pattern LOCATION = Pattern.compile(" at line ([0-9]+) column ([0-9]+) ");

    private final String name;
    private final JsonReader reader;
    private long number;

    private RangesFile(String name, JsonReader reader) {
        this.name = name;
        this.reader = reader;
    }

    /**
     * Hands over all ranges of a file, or of the given standard input if the file is {@link #STDIN}. A
     * mistake in it is a {@link JobException.BadRanges} that says where; the consumer has then had what
     * comes before it.
     */
    public static void read(String file, InputStream stdin, Consumer<ByteRange> consumer) {
        String name = file.equals(STDIN) ? "the list of ranges on the standard input" : "the list of ranges " + file;
        try {
            if (file.equals(STDIN)) {
                readAll(name, stdin, consumer);
            } else {
                try (InputStream in = Files.newInputStream(Path.of(file))) {
                    readAll(name, in, consumer);
                }
            }
        } catch (NoSuchFileException e) {
            throw new JobException.BadRanges(name + " does not exist.", e);
        } catch (CharacterCodingException e) {
            throw new JobException.BadRanges(name + " is not UTF-8 text.", e);
        } catch (IOException e) {
            throw new JobException.BadRanges(name + " cannot be read: " + SafeFiles.reason(e) + ".", e);
        }
    }

    /** Writes ranges as {@link #read} reads them, a line each. */
    public static void write(Iterable<ByteRange> ranges, Appendable out) {
        try {
            String before = "[";
            for (ByteRange range : ranges) {
                out.append(before).append("{\"offset\":").append(Long.toString(range.offset()));
                out.append(",\"length\":").append(Long.toString(range.length())).append('}');
                before = ",\n";
            }
            out.append(before.equals("[") ? "[]\n" : "]\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void readAll(String name, InputStream in, Consumer<ByteRange> consumer) throws IOException {
        // A decoder made like this reports what is not UTF-8, where others would replace it.
        InputStreamReader text = new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder());
        JsonReader reader = new JsonReader(text);
        reader.setStrictness(Strictness.STRICT);
        new RangesFile(name, reader).readList(consumer);
    }

    private void readList(Consumer<ByteRange> consumer) throws IOException {
        try {
            if (reader.peek() != JsonToken.BEGIN_ARRAY) {
                throw bad("is not a list, as in [{\"offset\": 0, \"length\": 65536}]", null);
            }
            reader.beginArray();
            while (reader.hasNext()) {
                number++;
                readRange(consumer);
            }
            reader.endArray();
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw bad("is not valid JSON", null); // Only for safety: a strict reader has thrown it already.
            }
        } catch (EOFException e) {
            throw bad(
                    number == 0 ? "is empty or ends too early" : "ends too early, in or behind its range " + number, e);
        } catch (MalformedJsonException e) {
            throw bad("is not valid JSON", e);
        }
    }

    private void readRange(Consumer<ByteRange> consumer) throws IOException {
        if (reader.peek() != JsonToken.BEGIN_OBJECT) {
            throw badRange("is not an object with \"offset\" and \"length\"");
        }
        reader.beginObject();
        long offset = -1;
        long length = -1;
        while (reader.hasNext()) {
            String field = reader.nextName();
            switch (field) {
                case "offset" -> offset = readBytes(field, offset);
                case "length" -> length = readBytes(field, length);
                default -> reader.skipValue();
            }
        }
        if (offset < 0 || length < 0) {
            throw badRange("has no \"" + (offset < 0 ? "offset" : "length") + '"');
        }
        if (offset > Long.MAX_VALUE - length) {
            throw badRange("ends behind the largest possible offset: offset " + offset + ", length " + length);
        }
        reader.endObject();
        if (length > 0) {
            consumer.accept(new ByteRange(offset, length));
        }
    }

    private long readBytes(String field, long before) throws IOException {
        if (before >= 0) {
            throw badRange("has two fields \"" + field + '"');
        }
        if (reader.peek() != JsonToken.NUMBER) {
            throw badRange("has an " + field + " that is not a number");
        }
        String digits = reader.nextString();
        long value;
        try {
            value = Long.parseLong(digits);
        } catch (NumberFormatException e) {
            String fault = digits.matches("-?[0-9]+") ? "is too large" : "is not a whole number";
            throw badRange("has " + digits + " as " + field + ", which " + fault);
        }
        if (value < 0) {
            throw badRange("has a negative " + field + ": " + value);
        }
        return value;
    }

    private JobException.BadRanges badRange(String fault) {
        return new JobException.BadRanges("range " + number + " of " + name + place() + " " + fault + ".", null);
    }

    private JobException.BadRanges bad(String fault, @Nullable IOException cause) {
        return new JobException.BadRanges(name + place() + " " + fault + ".", cause);
    }

    private String place() {
        Matcher location = LOCATION.matcher(reader.toString());
        return location.find() ? " (line " + location.group(1) + ", column " + location.group(2) + ")" : "";
    }
}
