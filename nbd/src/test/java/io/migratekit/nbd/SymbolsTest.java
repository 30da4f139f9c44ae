package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.libnbd.Libnbd;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Can Java call exactly those functions of libnbd that are listed, and none that blocks without a limit? */
class SymbolsTest {
    private static final String PACKAGE = "io.migratekit.nbd.libnbd.";

    /** The functions of libnbd 1.14 that wait for the peer for as long as it likes. */
    private static final List<String> BLOCKING = List.of(
            "nbd_connect_uri",
            "nbd_connect_unix",
            "nbd_connect_tcp",
            "nbd_connect_socket",
            "nbd_connect_vsock",
            "nbd_connect_command",
            "nbd_connect_systemd_socket_activation",
            "nbd_opt_go",
            "nbd_opt_abort",
            "nbd_opt_info",
            "nbd_opt_list",
            "nbd_opt_list_meta_context",
            "nbd_pread",
            "nbd_pread_structured",
            "nbd_pwrite",
            "nbd_zero",
            "nbd_trim",
            "nbd_cache",
            "nbd_flush",
            "nbd_block_status",
            "nbd_shutdown",
            "nbd_poll");

    /** The same in the versions since, which a list made from a newer header might bring in. */
    private static final List<String> BLOCKING_IN_NEWER_VERSIONS = List.of(
            "nbd_poll2",
            "nbd_block_status_64",
            "nbd_block_status_filter",
            "nbd_opt_starttls",
            "nbd_opt_structured_reply",
            "nbd_opt_extended_headers",
            "nbd_opt_list_meta_context_queries",
            "nbd_opt_set_meta_context",
            "nbd_opt_set_meta_context_queries");

    @Test
    void exactlyTheListedFunctionsAreGenerated() throws IOException {
        assertEquals(listed("function"), generated());
    }

    @Test
    void everyListedConstantAndCallbackIsGenerated() throws IOException, ReflectiveOperationException {
        for (String constant : listed("constant")) {
            Method getter = Libnbd.class.getMethod(constant);
            assertTrue(Modifier.isStatic(getter.getModifiers()), constant);
        }
        for (String callback : listed("typedef")) {
            Class.forName(PACKAGE + callback);
        }
    }

    @Test
    void noFunctionThatBlocksIsGeneratedOrListed() throws IOException {
        Set<String> reachable = new TreeSet<>(generated());
        reachable.addAll(listed("function"));
        for (String name : Stream.concat(BLOCKING.stream(), BLOCKING_IN_NEWER_VERSIONS.stream())
                .toList()) {
            assertFalse(reachable.contains(name), name + " blocks without a limit");
        }
    }

    /** A name that nobody has thought of yet: whatever connects, asks an option or sends a command must be asynchronous. */
    @Test
    void everyFunctionThatTalksToThePeerIsTheAsynchronousOne() throws IOException {
        for (String name : listed("function")) {
            boolean talks =
                    name.matches("nbd_(connect|opt|pread|pwrite|zero|trim|cache|flush|block_status|shutdown|poll)\\b.*")
                            || name.matches("nbd_(connect|opt)_.*");
            assertFalse(talks && !name.equals("nbd_connection_state"), name);
        }
    }

    private static Set<String> generated() {
        return Arrays.stream(Libnbd.class.getDeclaredMethods())
                .map(Method::getName)
                .filter(name -> name.startsWith("nbd_"))
                // jextract adds three look-ups for each function: of its address, handle and descriptor.
                .filter(name -> !name.contains("$"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> listed(String kind) throws IOException {
        // Surefire runs in the module's directory, and says so in this property when it does not.
        Path list = Path.of(System.getProperty("basedir", ".")).resolve("libnbd.symbols");
        String option = "--include-" + kind + " ";
        Set<String> names = Files.readAllLines(list).stream()
                .filter(line -> line.startsWith(option))
                .map(line -> line.substring(option.length()).strip())
                .collect(Collectors.toCollection(TreeSet::new));
        assertFalse(names.isEmpty(), list + " lists no " + kind);
        return names;
    }
}
