package io.migratekit.cli;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * What do the man pages and the shell completion say? The build runs this, and only the build has the generator on its
 * class path: arguments are a folder for the pages' AsciiDoc sources, the completion script to write, and the version.
 */
final class Manual {
    private Manual() {}

    public static void main(String[] args) throws IOException {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        CommandLine line = Main.commandLine(new Console(nowhere, nowhere));
        named(line.getCommandSpec(), "migratekit " + args[2]);

        Path completion = Path.of(args[1]);
        Files.createDirectories(completion.getParent());
        Files.writeString(completion, AutoComplete.bash("migratekit", line));

        File noTemplates = null;
        boolean[] quiet = {};
        int code =
                ManPageGenerator.generateManPage(new File(args[0]), noTemplates, quiet, false, line.getCommandSpec());
        if (code != 0) {
            throw new IOException("the man page generator ended with code " + code);
        }
    }

    /** Pages carry the version of the project alone: what else `--version` prints depends on the machine. */
    private static void named(CommandSpec command, String version) {
        command.versionProvider(null).version(version);
        for (CommandLine sub : command.subcommands().values()) {
            named(sub.getCommandSpec(), version);
        }
    }
}
