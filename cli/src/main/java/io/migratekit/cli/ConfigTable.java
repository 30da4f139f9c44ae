package io.migratekit.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;
import picocli.CommandLine;

/**
 * What does one table of the configuration say? Whoever asks for a key makes it a known one; {@link
 * #refuseTheRest} then finds what was written and means nothing, which is nearly always a slip.
 */
final class ConfigTable {
    private final Path file;
    private final String name;
    private final TomlTable table;
    private final TreeSet<String> known = new TreeSet<>();

    /** @param name as it stands in brackets; empty for the file itself */
    ConfigTable(Path file, String name, TomlTable table) {
        this.file = file;
        this.name = name;
        this.table = table;
    }

    Optional<String> text(String key) {
        return value(key, String.class, "a text in quotes");
    }

    String requiredText(String key) {
        return text(key).orElseThrow(() -> failure(null, where() + " lacks the key " + key));
    }

    Optional<Integer> number(String key) {
        return value(key, Long.class, "a whole number").map(number -> {
            if (number != number.intValue()) {
                throw wrong(key, "is not a number of this kind: " + number);
            }
            return number.intValue();
        });
    }

    Optional<Duration> time(String key) {
        return text(key).map(text -> {
            try {
                return new Times().convert(text);
            } catch (CommandLine.TypeConversionException e) {
                throw wrong(key, String.valueOf(e.getMessage()));
            }
        });
    }

    /** A file; relative ones are beside the configuration. */
    Optional<Path> path(String key) {
        return text(key).map(text -> file.toAbsolutePath().resolveSibling(text));
    }

    /** A table below this one, if it is there. */
    Optional<ConfigTable> table(String key) {
        return value(key, TomlTable.class, "a table")
                .map(inner -> new ConfigTable(file, name.isEmpty() ? key : name + "." + key, inner));
    }

    /** Whether what stands there is a table. */
    boolean isTable(String key) {
        return table.get(List.of(key)) instanceof TomlTable;
    }

    /** A list of tables; empty when there is none. */
    List<ConfigTable> tables(String key) {
        List<ConfigTable> all = new ArrayList<>();
        TomlArray array = value(key, TomlArray.class, "a list of tables").orElse(null);
        for (int i = 0; array != null && i < array.size(); i++) {
            if (!(array.get(i) instanceof TomlTable inner)) {
                throw wrong(key, "is to be a list of tables");
            }
            all.add(new ConfigTable(file, name + "." + key + "[" + i + "]", inner));
        }
        return all;
    }

    List<String> keys() {
        return table.keySet().stream().sorted().toList();
    }

    /** When all that can be asked for has been asked for: what else is there is a mistake. */
    void refuseTheRest() {
        for (String key : keys()) {
            if (!known.contains(key)) {
                throw wrong(key, "is not known" + (known.isEmpty() ? "" : "; known are " + String.join(", ", known)));
            }
        }
    }

    /** A mistake at this key, with the line on which it stands. */
    CommandFailed wrong(String key, String what) {
        return failure(table.inputPositionOf(List.of(key)), where() + ": the key " + key + " " + what);
    }

    private <T> Optional<T> value(String key, Class<T> type, String wanted) {
        known.add(key);
        Object value = table.get(List.of(key));
        if (value != null && !type.isInstance(value)) {
            throw wrong(key, "is to be " + wanted);
        }
        return Optional.ofNullable(value).map(type::cast);
    }

    private String where() {
        return name.isEmpty() ? "the top" : "[" + name + "]";
    }

    private CommandFailed failure(@Nullable TomlPosition position, String what) {
        return new CommandFailed(
                ExitCode.USAGE, file + (position == null ? "" : ", line " + position.line()) + ": " + what);
    }
}
