package io.migratekit.cli;

import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Where does the program begin and end? Finds the command, runs it, and turns what happens into words and a code. */
@Command(
        name = "migratekit",
        description = "Backs up VMware virtual machines over NBD, and never hangs without saying where and why.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            MapCommand.class,
            InfoCommand.class,
            ProbeCommand.class,
            CopyCommand.class,
            MigrateCommand.class,
            DoctorCommand.class,
            StatusCommand.class,
            WhyCommand.class,
            TimelineCommand.class,
            RateCommand.class,
            TunnelCommand.class,
            AgentCommand.class,
            HubCommand.class,
            VmwareCommand.class,
            HelpCommand.class,
            AutoComplete.GenerateCompletion.class
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  migratekit probe nbd://hub:10809/disk1      take the pulse, step by step",
            "  migratekit map --bar nbd://hub:10809/disk1  see where the data is",
            "",
            "Exit codes: `migratekit help exit-codes`."
        })
public final class Main {
    /** How long a Ctrl-C waits for the command to leave in good order. */
    private static volatile Duration goodOrder = Duration.ofSeconds(6);

    private Main() {}

    /** Runs one command line and ends the JVM with its exit code. */
    public static void main(String[] args) {
        Thread worker = Thread.currentThread();
        CountDownLatch finished = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> interrupt(worker, finished), "on-signal"));
        Stdout stdout = new Stdout(new FileOutputStream(FileDescriptor.out));
        PrintStream out = new PrintStream(new BufferedOutputStream(stdout, 1 << 16), false, StandardCharsets.UTF_8);
        int code = run(out, System.err, args);
        out.flush();
        code = stdout.codeAfter(code);
        finished.countDown();
        // After a signal the JVM is on its way out already, with 128 + its number; exit() then never returns.
        System.exit(code);
    }

    /** Runs one command line; for callers that go on living. */
    static int run(PrintStream out, PrintStream err, String... args) {
        Console console = new Console(out, err);
        CommandLine line = commandLine(console);
        line.setExecutionExceptionHandler((failure, command, parsed) -> console.failed(command, failure));
        line.setParameterExceptionHandler((mistake, words) -> console.misused(mistake));
        try {
            return line.execute(args);
        } catch (Error e) {
            if (!Descriptors.ranOutIn(e)) {
                throw e;
            }
            return console.failed(line, new CommandFailed(ExitCode.LOCAL_STATE, Descriptors.WORDS));
        }
    }

    static CommandLine commandLine(Console console) {
        return new CommandLine(new Main(), new Commands(console))
                .setOut(new java.io.PrintWriter(console.out(), true, StandardCharsets.UTF_8))
                .setErr(new java.io.PrintWriter(console.err(), true, StandardCharsets.UTF_8))
                .setUsageHelpAutoWidth(false)
                .setCaseInsensitiveEnumValuesAllowed(true);
    }

    /** The running command has more to put in order than a few connections. */
    static void leaveWithin(Duration time) {
        goodOrder = time;
    }

    private static void interrupt(Thread worker, CountDownLatch finished) {
        worker.interrupt();
        try {
            if (!finished.await(goodOrder.toMillis(), TimeUnit.MILLISECONDS)) {
                System.err.println("migratekit: ended by force, the command did not stop by itself");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What {@code --version} prints. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String own = Main.class.getPackage().getImplementationVersion();
            String java = Runtime.version().toString();
            return new String[] {
                "migratekit " + (own == null ? "(development)" : own), "libnbd " + libnbd(), "Java " + java
            };
        }

        private static String libnbd() {
            try {
                return NbdConnection.libraryVersion();
            } catch (NbdException e) {
                return "missing: " + e.getMessage();
            }
        }
    }
}
