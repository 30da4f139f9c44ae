/**
 * Starts the two NBD servers that the project stands on, qemu-nbd and nbdkit, and makes sure that
 * nothing of them is left behind.
 *
 * <p>Terms. A <em>server process</em> is a program in the foreground whose process id is ours, with a
 * <em>private directory</em> (mode 0700) for its socket and pid file. It is <em>ready</em> when it
 * has written its pid file: both programs do so after they began to listen. Nobody connects in order
 * to find out, because a connection takes one of the server's few slots. To <em>stop</em> means to
 * ask (SIGTERM), to wait with a limit, and then to kill (SIGKILL), which also ends a frozen server.
 * {@code shared} is the number of clients that qemu-nbd serves at the same time; the next one is
 * accepted by the kernel and then hears nothing, so the number is always stated.
 *
 * <p>Servers listen on a unix socket or on a port of 127.0.0.1, never on the network. Secrets are
 * never among the arguments, which everybody on the machine can read: TLS keys are named by their
 * directory.
 *
 * <p>Read {@link io.migratekit.nbd.server.QemuNbd} first, then
 * {@link io.migratekit.nbd.server.ServerProcess}.
 */
@NullMarked
package io.migratekit.nbd.server;

import org.jspecify.annotations.NullMarked;
