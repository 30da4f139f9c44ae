package io.migratekit.agent.watch;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * How is a running program asked what it waits for, without another program? {@code kill -USR1 PID}. (The JDK keeps
 * SIGQUIT for its own thread dump.)
 *
 * <p>The JDK's only interface to signals lives in {@code sun.misc}; javac warns about that in a way that cannot be
 * switched off for one line, so it is called by reflection.
 */
public final class Signals {
    private static final System.Logger LOG = System.getLogger("io.migratekit.agent.watch");

    private Signals() {}

    /** Runs the task, on a thread of the JVM, whenever SIGUSR1 comes. Without the JDK's help nothing happens. */
    public static void onUser1(Runnable task) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            MethodHandle run = MethodHandles.lookup()
                    .findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
                    .bindTo(task);
            Object calls =
                    MethodHandleProxies.asInterfaceInstance(handler, MethodHandles.dropArguments(run, 0, signal));
            Object user1 = signal.getConstructor(String.class).newInstance("USR1");
            signal.getMethod("handle", signal, handler).invoke(null, user1, calls);
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            LOG.log(System.Logger.Level.DEBUG, "no dump on SIGUSR1", e);
        }
    }
}
