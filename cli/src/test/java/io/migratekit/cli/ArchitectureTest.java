package io.migratekit.cli;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Is the house built as docs/architecture.md says? Who may call whom, and that nobody waits without a limit. */
class ArchitectureTest {
    private static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(ArchitectureTest::isOurProduct)
            .importPackages("io.migratekit");

    /** Methods without parameters that wait until something happens, however long that takes. */
    private static final Set<String> UNBOUNDED = Set.of(
            "java.lang.Object.wait",
            "java.lang.Process.waitFor",
            "java.lang.Thread.join",
            "java.net.ServerSocket.accept",
            "java.nio.channels.Selector.select",
            "java.nio.channels.ServerSocketChannel.accept",
            "java.util.concurrent.BlockingQueue.take",
            "java.util.concurrent.CompletableFuture.get",
            "java.util.concurrent.CompletableFuture.join",
            "java.util.concurrent.CompletionService.take",
            "java.util.concurrent.CountDownLatch.await",
            "java.util.concurrent.CyclicBarrier.await",
            "java.util.concurrent.ExecutorService.close",
            "java.util.concurrent.Future.get",
            "java.util.concurrent.FutureTask.get",
            "java.util.concurrent.Semaphore.acquire",
            "java.util.concurrent.Semaphore.acquireUninterruptibly",
            "java.util.concurrent.locks.Condition.await",
            "java.util.concurrent.locks.Condition.awaitUninterruptibly",
            "java.util.concurrent.locks.LockSupport.park");

    /** Who accepts on a channel that does not block, after a wait with a limit. */
    private static final Set<String> ACCEPT_AFTER_A_SELECT =
            Set.of("io.migratekit.tunnel.Doorway", "io.migratekit.tunnel.service.ControlSocket");

    @Test
    void onlyTheHandleCallsLibnbd() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.nbd.libnbd")
                .and()
                .doNotHaveFullyQualifiedName("io.migratekit.nbd.Handle")
                .and()
                .doNotHaveFullyQualifiedName("io.migratekit.nbd.Handle$Library")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.migratekit.nbd.libnbd"));
    }

    @Test
    void onlyTheThreeLinkNativeCode() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.nbd.libnbd")
                .and(describe(
                        "are not Handle, Posix, PieceHash or GnuTls",
                        c -> !c.getName()
                                .matches("io\\.migratekit\\.(nbd\\.(Handle|Posix|PieceHash)|tunnel\\.GnuTls).*")))
                .should()
                .dependOnClassesThat(name("java.lang.foreign.Linker")));
    }

    @Test
    void modulesDependDownwardsOnly() {
        check(noClasses()
                .that()
                .resideInAPackage("io.migratekit.nbd..")
                .should()
                .dependOnClassesThat(resideInAPackage("io.migratekit..")
                        .and(describe("outside nbd", c -> !c.getPackageName().startsWith("io.migratekit.nbd")))));
        check(slices().matching("io.migratekit.(**)").should().beFreeOfCycles());
    }

    @Test
    void onlyTheTunnelKnowsJschAndOnlyTheCommandLineKnowsToml() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages("io.migratekit.tunnel")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.jcraft.."));
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.cli")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.tomlj.."));
    }

    @Test
    @DisplayName("V1: yavijava only behind one package")
    void onlyTheFenceKnowsTheStubsOfVSphere() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.vmware.soap")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.vmware.."));
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.vmware..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.migratekit.vmware.soap"));
    }

    /** How they talk, read XML and check TLS is dangerous; two of their types are only a form to fill in. */
    @Test
    @DisplayName("V1: its transport, XML and TLS classes never run, nor its managed objects")
    void theStubsOwnTransportNeverRuns() {
        check(noClasses()
                .should()
                .dependOnClassesThat(resideInAPackage("com.vmware.vim25.ws..")
                        .and(describe(
                                "are not Client or Argument",
                                c -> !Set.of("Client", "Argument")
                                        .contains(c.getBaseComponentType().getSimpleName()))))
                .orShould()
                .dependOnClassesThat()
                .resideInAnyPackage("org.doublecloud..", "com.vmware.vim25.mo.."));
    }

    @Test
    void thePlanIsPure() {
        check(classes()
                .that()
                .resideInAPackage("io.migratekit.agent.plan")
                .should()
                .onlyDependOnClassesThat(describe(
                        "are plans, ranges or the language",
                        c -> c.getPackageName()
                                        .matches("java\\.(lang|util).*|io\\.migratekit\\.agent\\.plan|.*jspecify.*")
                                || c.isPrimitive()
                                || c.isArray()
                                || c.getName().matches("io\\.migratekit\\.nbd\\.(ByteRange|Extent|Ranges|Unit)")
                                || c.getName()
                                        .matches("java\\.security\\..*|java\\.nio\\.(charset\\..*|ByteBuffer)"))));
    }

    @Test
    void theJobIsTopInTheAgentAndTheCopyIsNext() {
        for (String ground : List.of("plan", "job", "watch")) {
            check(noClasses()
                    .that()
                    .resideInAPackage("io.migratekit.agent." + ground)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("io.migratekit.agent", "io.migratekit.agent.copy"));
        }
    }

    @Test
    void agentAndHubMeetInTheHttpContractOnly() {
        check(noClasses()
                .that()
                .resideInAPackage("io.migratekit.hub..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.migratekit.agent..", "io.migratekit.tunnel..", "io.migratekit.vmware.."));
        check(noClasses()
                .that()
                .resideInAPackage("io.migratekit.agent..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.migratekit.hub.."));
        check(noClasses()
                .that()
                .resideOutsideOfPackages("io.migratekit.agent.hub", "io.migratekit.hub.api")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.eclipse.jetty.."));
    }

    @Test
    void onlyTheCommandLineKnowsPicocliAndTheScreen() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("io.migratekit.cli..")
                .and()
                .resideOutsideOfPackage("io.migratekit.nbd.libnbd") // its switch for tracing, which we never set
                .should()
                .dependOnClassesThat()
                .resideInAPackage("picocli..")
                .orShould()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err"));
    }

    @Test
    void nobodyWaitsWithoutALimit() {
        check(withoutUnboundedWaits());
    }

    /** A rule that finds nothing proves nothing: here it has something to find. */
    @Test
    void theBanOnUnboundedWaitsFindsThem() {
        JavaClasses careless = new ClassFileImporter().importClasses(Careless.class);
        assertEquals(
                3,
                withoutUnboundedWaits()
                        .evaluate(careless)
                        .getFailureReport()
                        .getDetails()
                        .size());
    }

    private static ArchRule withoutUnboundedWaits() {
        return noClasses().should().callMethodWhere(describe("a wait without a limit", ArchitectureTest::isUnbounded));
    }

    private static boolean isUnbounded(JavaCall<?> call) {
        if (!call.getTarget().getRawParameterTypes().isEmpty() || isDoorOfTheTunnel(call)) {
            return false;
        }
        String method = call.getTarget().getName();
        if (method.equals("accept")
                && ACCEPT_AFTER_A_SELECT.contains(call.getOriginOwner().getName())) {
            return false;
        }
        return UNBOUNDED.contains(call.getTargetOwner().getName() + "." + method)
                || call.getTargetOwner().getAllRawSuperclasses().stream()
                        .anyMatch(type -> UNBOUNDED.contains(type.getName() + "." + method))
                || call.getTargetOwner().getAllRawInterfaces().stream()
                        .anyMatch(type -> UNBOUNDED.contains(type.getName() + "." + method));
    }

    /** The tunnel's door is a non-blocking one: it waits in a selector, with a time. */
    private static boolean isDoorOfTheTunnel(JavaCall<?> call) {
        return call.getOriginOwner().getName().equals("io.migratekit.tunnel.Doorway")
                && call.getTarget().getName().equals("accept");
    }

    @Test
    void onlyTheTunnelKnowsJsch() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages("io.migratekit.tunnel", "com.jcraft.jsch")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.jcraft.."));
    }

    private static boolean isOurProduct(Location location) {
        return !location.contains("/test-classes/") && !location.contains("-tests.jar");
    }

    private static void check(ArchRule rule) {
        rule.check(HOUSE);
    }

    /** What nobody should write. */
    @SuppressWarnings("unused")
    private static final class Careless {
        static void waitForEver(Process process, Future<List<String>> future, CountDownLatch latch) throws Exception {
            System.out.println(process.waitFor() + future.get().getFirst());
            latch.await();
        }
    }
}
