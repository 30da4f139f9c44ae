package io.migratekit.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Does a page still tell the truth? Its transcripts, blocks of {@code console} behind a comment that names the test, are
 * typed into one shell, command by command, and what comes out stands beside what the page shows.
 */
final class Transcript {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern BLOCK = Pattern.compile("(?s)<!-- transcript: ([\\w.]+) -->\n```console\n(.*?)```");
    /** What may be another one each time. */
    private static final List<Pattern> VARIABLE = List.of(
            Pattern.compile("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z"),
            Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            Pattern.compile("(?<=\"(?:layerBytes|bytes)\": ?)\\d+"),
            Pattern.compile("(?<=\"version\":\")[^\"]+"),
            Pattern.compile("(?<= in )[0-9.]+ m?s \\([^)]*\\)"));

    private final Map<String, String> places;
    private final Path folder;
    private final Path output;

    /**
     * A transcript that is run in this folder.
     *
     * @param places where the page's paths are here
     */
    Transcript(Path folder, Map<String, String> places) {
        this.folder = folder;
        this.places = places;
        this.output = folder.resolve("shell.out");
    }

    /** A page's transcripts for a test, one behind the other: each line with a dollar is a command. */
    static List<String> linesOf(Path page, String test) throws IOException {
        List<String> lines = new ArrayList<>();
        Matcher blocks = BLOCK.matcher(Files.readString(page));
        while (blocks.find()) {
            if (blocks.group(1).equals(test)) {
                lines.addAll(blocks.group(2).lines().toList());
            }
        }
        return lines;
    }

    /** The text with what varies replaced, fit to be compared. */
    static String comparable(List<String> lines) {
        String text = String.join("\n", lines);
        for (Pattern variable : VARIABLE) {
            text = variable.matcher(text).replaceAll("...");
        }
        return text;
    }

    /** The same commands with what they say here. */
    List<String> run(List<String> lines, String searchPath) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder("bash", "--norc");
        builder.environment().put("PATH", searchPath);
        Process shell = builder.directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        List<String> all = new ArrayList<>();
        try (OutputStream typed = shell.getOutputStream()) {
            for (String line : lines) {
                if (line.startsWith("$ ")) {
                    all.add(line);
                    all.addAll(answer(typed, line.substring(2), all.size()));
                }
            }
        } finally {
            if (!shell.waitFor(10, TimeUnit.SECONDS)) {
                shell.destroyForcibly();
            }
        }
        return all;
    }

    private List<String> answer(OutputStream typed, String command, int number)
            throws IOException, InterruptedException {
        String end = "@end of " + number + "@";
        int from = Files.readString(output).length();
        typed.write((here(command) + "\necho '" + end + "'\n").getBytes(StandardCharsets.UTF_8));
        typed.flush();
        long limit = System.nanoTime() + LIMIT.toNanos();
        while (!Files.readString(output).endsWith(end + "\n")) {
            if (System.nanoTime() - limit > 0) {
                throw new AssertionError("no end of '" + command + "' within " + LIMIT.toSeconds() + " s: "
                        + Files.readString(output).substring(from));
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
        String said = Files.readString(output).substring(from);
        return there(said.substring(0, said.indexOf(end))).lines().toList();
    }

    private String here(String text) {
        String changed = text;
        for (Map.Entry<String, String> place : places.entrySet()) {
            changed = changed.replace(place.getKey(), place.getValue());
        }
        return changed;
    }

    private String there(String text) {
        String changed = text;
        for (Map.Entry<String, String> place : places.entrySet()) {
            changed = changed.replace(place.getValue(), place.getKey());
        }
        return changed;
    }
}
