package io.migratekit.cli;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Where does the password come from? Never from the command line, which everybody on the machine can read. */
final class VmwarePassword {
    static final String VARIABLE = "MIGRATEKIT_VMWARE_PASSWORD";
    static final String CREDENTIAL = "vmware-password";
    static final String ALTERNATIVES = "--vmware-password-file FILE, --vmware-password-fd N, the variable " + VARIABLE
            + ", or systemd's credential '" + CREDENTIAL + "'";

    private VmwarePassword() {}

    /** The first that is there of: file, descriptor, variable, credential, the configuration's file. */
    static Secret find(
            @Nullable Path file,
            @Nullable Integer descriptor,
            Optional<Path> configured,
            Map<String, String> environment,
            Duration limit) {
        if (file != null) {
            return fromFile(file);
        }
        if (descriptor != null) {
            return fromDescriptor(descriptor, limit);
        }
        String variable = environment.get(VARIABLE);
        if (variable != null && !variable.isEmpty()) {
            return new Secret(variable.toCharArray());
        }
        String folder = environment.get("CREDENTIALS_DIRECTORY");
        if (folder != null && Files.isReadable(Path.of(folder, CREDENTIAL))) {
            return fromFile(Path.of(folder, CREDENTIAL));
        }
        return configured
                .map(VmwarePassword::fromFile)
                .orElseThrow(() -> new CommandFailed(
                        ExitCode.USAGE, "there is no password for the vCenter; give it by " + ALTERNATIVES));
    }

    private static Secret fromFile(Path file) {
        return SecretFile.read("password", file);
    }

    /** Whoever has the other end of a pipe may never write to it, so another thread reads, for a while. */
    private static Secret fromDescriptor(int descriptor, Duration limit) {
        String what = "the password's file descriptor " + descriptor;
        CompletableFuture<Secret> read = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("password").start(() -> {
            try (InputStream in = Files.newInputStream(Path.of("/dev/fd/" + descriptor))) {
                read.complete(SecretFile.firstLine(in, what));
            } catch (IOException | RuntimeException e) {
                read.completeExceptionally(e);
            }
        });
        try {
            return read.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CommandFailed failed) {
                throw failed;
            }
            String reason = e.getCause() instanceof IOException io ? SafeFiles.reason(io) : "it is not readable";
            throw new CommandFailed(ExitCode.USAGE, "cannot read " + what + ": " + reason);
        } catch (TimeoutException e) {
            throw new CommandFailed(
                    ExitCode.USAGE, what + " gave no line within " + limit.toSeconds() + " s; is its writer there?");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailed(ExitCode.INTERRUPTED, "interrupted while reading " + what);
        }
    }
}
