package io.migratekit.cli;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** How is a secret read from a file? Its first line, and nothing that is no text. */
final class SecretFile {
    /** Secrets are short; a longer first line is a file of something else. */
    private static final int LONGEST = 4096;

    private SecretFile() {}

    /** @param what it is, such as {@code password} */
    static Secret read(String what, Path file) {
        if (!Files.exists(file)) {
            throw new CommandFailed(
                    ExitCode.USAGE, "cannot read the " + what + " file " + file + ": there is no such file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return firstLine(in, "the " + what + " file " + file);
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.USAGE, "cannot read the " + what + " file " + file + ": " + SafeFiles.reason(e));
        }
    }

    static Secret firstLine(InputStream in, String what) throws IOException {
        byte[] bytes = new byte[LONGEST];
        int length = 0;
        try {
            for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
                if (length == LONGEST) {
                    throw new CommandFailed(
                            ExitCode.USAGE,
                            what + " begins with a line of more than " + LONGEST + " bytes, which is no secret");
                }
                bytes[length++] = (byte) b;
            }
            if (length > 0 && bytes[length - 1] == '\r') {
                length--;
            }
            if (length == 0) {
                throw new CommandFailed(ExitCode.USAGE, what + " has nothing in its first line");
            }
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, length));
            char[] characters = new char[text.remaining()];
            text.get(characters);
            try {
                return new Secret(characters);
            } finally {
                Arrays.fill(characters, '\0');
                Arrays.fill(text.array(), '\0');
            }
        } catch (CharacterCodingException e) {
            throw new CommandFailed(ExitCode.USAGE, what + " is not text in UTF-8");
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }
}
