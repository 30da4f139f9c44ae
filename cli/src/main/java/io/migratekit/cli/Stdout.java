package io.migratekit.cli;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** Has everything that was printed arrived? A print stream swallows failures; this remembers the first one. */
final class Stdout extends FilterOutputStream {
    private @Nullable IOException failure;

    Stdout(OutputStream out) {
        super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            failure = failure == null ? e : failure;
            throw e;
        }
    }

    /** The exit code of a command whose output went here: a result that got lost is no success. */
    int codeAfter(int code) {
        IOException lost = failure;
        if (lost == null) {
            return code;
        }
        String reason = String.valueOf(lost.getMessage());
        if (reason.contains("Broken pipe")) {
            return ExitCode.OUTPUT_CLOSED.code();
        }
        System.err.println("migratekit: cannot write the output: " + reason);
        return ExitCode.LOCAL_STATE.code();
    }
}
