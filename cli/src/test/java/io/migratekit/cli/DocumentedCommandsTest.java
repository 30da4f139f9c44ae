package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * Does every command that a page shows exist, with all of its options? Blocks and words in the running text are parsed as the program
 * parses them, and not run: what runs are the transcripts, the tour and the installation.
 */
class DocumentedCommandsTest {
    private static final Pattern BLOCK = Pattern.compile("(?s)```(?:sh|console)\n(.*?)```");
    private static final Pattern SPAN = Pattern.compile("`(?:bin/)?migratekit (?=--?[a-z]|[a-z])([^`]+)`");
    private static final Pattern CALL = Pattern.compile("(?:^|[\\s;(])(?:bin/)?migratekit (?=--?[a-z]|[a-z])(.*)");
    /** What follows the command on its line. */
    private static final Pattern END = Pattern.compile("\\s*(?:\\||&&|>|<|;|\\)| 2>|&$).*");

    /** What packaging/lab.sh types, and what a test runs. */
    private static final Pattern MARK = Pattern.compile(
            "<!-- (?:(?:installation|upgrade): (?<machine>hub|agent)|transcript: (?<test>\\w+)(?:\\.\\w+)?) -->");

    private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(Path.of("..", "README.md")));
        try (Stream<Path> docs = Files.list(Path.of("..", "docs"))) {
            docs.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    private static List<String> calls(String text) {
        List<String> calls = new ArrayList<>();
        Matcher blocks = BLOCK.matcher(text);
        while (blocks.find()) {
            for (String line :
                    blocks.group(1).replaceAll("\\\\\n\\s*", " ").lines().toList()) {
                Matcher call = CALL.matcher(line.replaceFirst("(^|\\s)#.*", ""));
                // What begins a message of the program is no command.
                if (call.find() && !line.strip().matches("migratekit: .*")) {
                    calls.add(END.matcher(call.group(1)).replaceFirst("").strip());
                }
            }
        }
        Matcher spans = SPAN.matcher(BLOCK.matcher(text).replaceAll(""));
        while (spans.find()) {
            calls.add(END.matcher(spans.group(1).replace("\n", " ")).replaceFirst(""));
        }
        return calls;
    }

    private static List<String> words(String call) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(call);
        while (matcher.find()) {
            for (int group = 1; group <= 3; group++) {
                if (matcher.group(group) != null && !matcher.group(group).equals("...")) {
                    words.add(matcher.group(group));
                }
            }
        }
        return words;
    }

    /** What is wrong with it, or nothing. */
    private static String mistake(List<String> words) {
        try {
            Main.commandLine(new Console(System.out, System.err)).parseArgs(words.toArray(String[]::new));
            return "";
        } catch (CommandLine.UnmatchedArgumentException e) {
            return String.valueOf(e.getMessage());
        } catch (CommandLine.ParameterException e) {
            // A page may name a command without what it needs, and an option without a value; it may not invent one.
            return "";
        }
    }

    @Test
    void everyOneExists() throws IOException {
        List<String> mistakes = new ArrayList<>();
        int count = 0;
        for (Path page : pages()) {
            for (String call : calls(Files.readString(page))) {
                count++;
                String mistake = mistake(words(call));
                if (!mistake.isEmpty()) {
                    mistakes.add(page.getFileName() + ": migratekit " + call + " -> " + mistake);
                }
            }
        }
        assertEquals(List.of(), mistakes);
        assertTrue(count > 100, "only " + count + " commands were found");
    }

    /** A comment that is misspelt would leave its block out, and nothing would fail. */
    @Test
    void whatIsMarkedIsRun() throws IOException {
        List<String> unmarked = new ArrayList<>();
        for (Path page : pages()) {
            List<String> lines = Files.readAllLines(page);
            boolean installing = false;
            for (int i = 1; i < lines.size(); i++) {
                String line = lines.get(i);
                if (line.startsWith("## ")) {
                    installing = line.equals("## Installation");
                }
                String before = lines.get(i - 1);
                boolean block = line.equals("```sh") || line.equals("```console");
                boolean marked = before.startsWith("<!--") && !before.matches("<!-- /?matrix -->");
                if (marked || (block && installing)) {
                    Matcher mark = MARK.matcher(before);
                    boolean typed = line.equals("```sh") && mark.matches() && mark.group("machine") != null;
                    boolean run = line.equals("```console")
                            && mark.matches()
                            && mark.group("test") != null
                            && Files.exists(Path.of("src/test/java/io/migratekit/cli", mark.group("test") + ".java"));
                    if (!typed && !run) {
                        unmarked.add(page.getFileName() + ":" + i + ": " + before);
                    }
                }
            }
        }
        assertEquals(List.of(), unmarked);
    }

    @Test
    void inventedOnesAreFound() {
        assertEquals(List.of("map --tottals URI"), calls("```sh\nbin/migratekit map --tottals URI   # a word\n```\n"));
        assertTrue(mistake(words("map --tottals URI")).contains("--tottals"));
        assertTrue(mistake(words("hub lst")).contains("lst"));
        assertEquals("", mistake(words("hub list --json")));
    }
}
