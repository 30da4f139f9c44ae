package io.migratekit.nbd.server;

import io.migratekit.nbd.Deadline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BiFunction;

/** Which process serves at which place? What is common to qemu-nbd and nbdkit: started, ready, listening. */
record ListeningServer(ServerProcess process, Listening.Place place) implements AutoCloseable {
    /** A free port may be taken by somebody else before the server has it; so often we look for another one. */
    private static final int FREE_PORT_ATTEMPTS = 5;

    /** What both programs write when a port or a socket was taken. */
    static final String PLACE_TAKEN = "Address already in use";

    /**
     * Starts a server and waits until it listens.
     *
     * @param command composes the command, given the place and the pid file that the server has to write
     */
    static ListeningServer start(
            Listening listening, ServerLimits limits, BiFunction<Listening.Place, Path, ServerCommand> command) {
        for (int attempt = 1; ; attempt++) {
            try {
                return startOnce(listening, limits, command);
            } catch (ServerFailed e) {
                boolean anotherPortMayHelp =
                        listening instanceof Listening.OnFreePort && e.said().contains(PLACE_TAKEN);
                if (!anotherPortMayHelp || attempt == FREE_PORT_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private static ListeningServer startOnce(
            Listening listening, ServerLimits limits, BiFunction<Listening.Place, Path, ServerCommand> command) {
        PrivateDirectory directory = PrivateDirectory.create();
        Path pidFile = directory.path().resolve("server.pid");
        try {
            Listening.Place place = listening.decided(directory.path());
            ServerProcess process = ServerProcess.start(command.apply(place, pidFile), limits, directory);
            try {
                process.awaitPidFile(pidFile);
            } catch (ServerFailed e) {
                // It has been stopped. One that had to be killed for that has left its socket, if it had come so far.
                if (!e.said().contains(PLACE_TAKEN)) {
                    removeSocket(place);
                }
                throw e;
            }
            return new ListeningServer(process, place);
        } catch (RuntimeException | Error e) {
            directory.close(); // If the process was started, it has been stopped before.
            throw e;
        }
    }

    @Override
    public void close() {
        stop(Deadline.NEVER);
    }

    void stop(Deadline patience) {
        process.stop(patience);
        removeSocket(place);
    }

    private static void removeSocket(Listening.Place place) {
        if (place instanceof Listening.AtPath(Path socket)) {
            try {
                Files.deleteIfExists(socket); // The next nbdkit would refuse to replace it.
            } catch (IOException e) {
                throw new UncheckedIOException("cannot remove " + socket, e);
            }
        }
    }
}
