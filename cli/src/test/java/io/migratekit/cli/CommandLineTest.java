package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Does the program talk sense when it is called wrongly, and when it is asked about itself? */
class CommandLineTest {
    @Test
    void mistakesAreExplainedInOneOrTwoLines() {
        assertMistake("Unmatched argument", "map", "nbd://h/", "extra");
        assertMistake("Missing required parameter", "map");
        assertMistake("Unknown option: '--tottals'", "map", "--tottals", "nbd://h/");
        assertMistake("Possible solutions: --totals", "map", "--tottals", "nbd://h/");
        assertMistake("Possible solutions: --keep-last", "hub", "prune", "--last", "1");
        assertMistake("'soon' is not a time", "map", "--timeout", "soon", "nbd://h/");
        assertMistake("a wait without a limit", "info", "--timeout", "0", "nbd://h/");
        assertMistake("'1KB' is not a size", "map", "--offset", "1KB", "nbd://h/");
        assertMistake("do not go with a picture", "map", "--json", "--bar", "nbd://h/");
        assertMistake("at least 1", "map", "--width", "0", "nbd://h/");
        assertMistake("is not possible", "map", "--width", "100000", "--height", "100000", "nbd://h/");
        assertMistake("it has no scheme", "map", "hub:10809");
        assertMistake("there is no command or topic 'x'", "help", "x");
        assertMistake("Unmatched argument", "mapp", "nbd://h/");
        assertMistake("", new String[0]);
    }

    /** It takes sizes and times, so what is neither has to be told in both forms. */
    @Test
    void howOftenACheckpointIsMadeIsCheckedLikeAnyOption() {
        for (String wrong : List.of("-1", "xyz", "", "5x", "99999999999999999999G", "9999999999s", "0", "0s", "1K")) {
            assertMistake("Invalid value for option '--checkpoint-every'", copy("--checkpoint-every", wrong));
        }
        assertMistake(
                "'5x' is neither a size nor a time: write for instance 256M or 30s", copy("--checkpoint-every", "5x"));
        assertMistake("'0' is less than 1M", copy("--checkpoint-every", "0"));
        assertMistake("'0s' is less than 1s", copy("--checkpoint-every", "0s"));
        assertMistake(
                "Invalid value for option '--checkpoint-every'",
                "migrate",
                "--job-id",
                "j",
                "--vmware-path",
                "/DC/vm/web01",
                "--checkpoint-every",
                "xyz");
        assertMistake("--retry-for", copy("--checkpoint-every", "30s", "--retry-for", "x"));
        assertMistake("--retry-for", copy("--checkpoint-every", "256m", "--retry-for", "x"));
        assertMistake("--retry-for", copy("--checkpoint-every", "1GiB", "--retry-for", "x"));
    }

    @Test
    void aRequestNeedsTimeToBeAnswered() {
        assertMistake("--request-deadline is at least 1s", copy("--request-deadline", "0"));
        assertMistake("--request-deadline is at least 1s", copy("--request-deadline", "999ms"));
    }

    @Test
    void onlyOptionsAreUnknownOptions() {
        Run one = Run.migratekit("copy", "--tiemout", "3s", "nbd://a/", "nbd://b/");
        assertEquals(2, one.code(), one.err());
        assertTrue(
                one.err().startsWith("migratekit: Unknown option: '--tiemout'\nPossible solutions: --timeout"),
                one.err());
        assertMistake("Unknown options: '--tiemout', '--jsn=yes'\n", copy("--tiemout", "3s", "--jsn=yes"));
        assertMistake("'more', '--tiemout'", "map", "nbd://h/", "more", "--tiemout");
    }

    @Test
    void whatIsEmptyIsSaidToBeEmpty() {
        for (String empty : List.of("", "  ")) {
            String words = "Invalid value for option '--vmware-path'";
            assertMistake(words, "migrate", "--job-id", "j", "--vmware-path", empty);
            assertMistake(words, "doctor", "--vmware-path", empty);
            assertMistake(words, "vmware", "list", "--vmware-path", empty);
            assertMistake(
                    "no SSH server is named: write user@host or user@host:port\n", "map", "--ssh=" + empty, "nbd://h/");
        }
    }

    private static String[] copy(String... options) {
        List<String> words = new ArrayList<>(List.of("copy"));
        words.addAll(List.of(options));
        words.addAll(List.of("nbd://a/", "nbd://b/"));
        return words.toArray(String[]::new);
    }

    @Test
    void nothingButHelpGoesToStdout() {
        for (List<String> words : List.of(
                List.of("--help"),
                List.of("help"),
                List.of("help", "map"),
                List.of("map", "--help"),
                List.of("--version"))) {
            Run run = Run.migratekit(words.toArray(String[]::new));
            assertEquals(0, run.code(), run.err());
            assertEquals("", run.err());
            assertTrue(run.out().length() > 20, run.out());
        }
        assertTrue(Run.migratekit("--version").out().contains("libnbd 1."), "the library's version is shown");
    }

    /** What breaks outside of any subcommand, such as Java itself when descriptors run out, is told in the program's name. */
    @Test
    void theProgramIsNamedOnceAndASubcommandBehindIt() {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream err = new PrintStream(said, true, StandardCharsets.UTF_8);
        Console console = new Console(err, err);
        CommandLine line = Main.commandLine(console);
        CommandFailed failure = new CommandFailed(ExitCode.LOCAL_STATE, "too many files");
        assertEquals(63, console.failed(line, failure));
        assertEquals(
                63, console.failed(Objects.requireNonNull(line.getSubcommands().get("map")), failure));
        assertEquals(
                "migratekit: too many files\nmigratekit: map: too many files\n", said.toString(StandardCharsets.UTF_8));
    }

    /** What other programs call it leads there, too. */
    @Test
    void inspectIsShow() {
        Run inspected = Run.migratekit("hub", "inspect", "one", "--repository", "/no/such/folder");
        assertEquals(
                Run.migratekit("hub", "show", "one", "--repository", "/no/such/folder")
                        .err(),
                inspected.err());
        assertTrue(inspected.err().contains("/no/such/folder"), inspected.err());
    }

    @Test
    void everyExitCodeIsExplainedAndMeansOneThing() {
        String help = Run.migratekit("help", "exit-codes").out();
        Set<Integer> codes = new HashSet<>();
        for (ExitCode code : ExitCode.values()) {
            assertTrue(codes.add(code.code()), code + " is used twice");
            assertTrue(help.contains(code.meaning()), code.toString());
        }
    }

    @Test
    void errorsComeWithoutStackTraceUnlessAskedFor() {
        Run quiet = Run.migratekit("map", "nbd+unix:///?socket=/no/such/socket");
        assertEquals(30, quiet.code());
        assertEquals(1, quiet.err().lines().count(), quiet.err());
        Run verbose = Run.migratekit("map", "-v", "nbd+unix:///?socket=/no/such/socket");
        assertTrue(verbose.err().contains("waiting up to 15 s for the connection"), verbose.err());
        assertTrue(verbose.err().contains("\tat io.migratekit."), verbose.err());
    }

    private static void assertMistake(String words, String... line) {
        Run run = Run.migratekit(line);
        assertEquals(2, run.code(), Arrays.toString(line) + " " + run.err());
        assertEquals("", run.out());
        assertTrue(run.err().contains(words), run.err());
        assertTrue(run.err().lines().count() <= 3, run.err());
    }
}
