package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.DoctorCheck.Part;
import io.migratekit.cli.Finding.Status;
import io.migratekit.nbd.Deadline;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Does an examination end in time, whatever a question does, and are causes told apart from what follows from them? */
class ExaminerTest {
    private static final Duration LIMIT = Duration.ofSeconds(4);

    private static Answer stubborn() {
        long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (System.nanoTime() < end) {
            try {
                TimeUnit.SECONDS.sleep(1);
            } catch (InterruptedException e) {
                // As what hangs in the name service of the system does: it hears of nothing.
            }
        }
        return Answer.ok("too late");
    }

    private static Finding found(Examiner examiner, DoctorCheck check) {
        return examiner.results().stream()
                .filter(one -> one.check() == check)
                .map(Examiner.Result::finding)
                .findFirst()
                .orElseThrow(() -> new AssertionError(check + " is not in " + examiner.results()));
    }

    @Test
    void whoeverDoesNotAnswerIsLeftBehind() {
        long begun = System.nanoTime();
        Examiner examiner = new Examiner(Deadline.NEVER);
        examiner.look(Part.SOURCE, "", exam -> {
            assertTrue(exam.ask(DoctorCheck.VCENTER_ADDRESS, LIMIT, () -> Answer.ok("there")));
            exam.ask(DoctorCheck.VCENTER_PORT, Duration.ofMillis(300), ExaminerTest::stubborn);
        });
        examiner.look(Part.HUB, "", exam -> exam.ask(DoctorCheck.HUB, LIMIT, () -> Answer.ok("well")));
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        assertTrue(took.compareTo(LIMIT) < 0, took.toString());
        Finding late = found(examiner, DoctorCheck.VCENTER_PORT);
        assertEquals(ExitCode.SOURCE_UNREACHABLE, late.code());
        assertEquals("there was no answer within 300 ms", late.meaning());
        assertEquals(
                "vcenter port failed", found(examiner, DoctorCheck.PRIVILEGES).meaning());
        assertEquals(Status.NOT_ASKED, found(examiner, DoctorCheck.ESXI_PORT).status());
        assertEquals(Status.OK, found(examiner, DoctorCheck.HUB).status());
        assertEquals(
                10,
                new DoctorReport(examiner.results(), List.of(), Optional.empty(), took)
                        .code()
                        .code());
    }

    @Test
    void theDeadlineOfTheCommandBoundsEverything() {
        long begun = System.nanoTime();
        Examiner examiner = new Examiner(Deadline.in(Duration.ofMillis(300)));
        examiner.look(
                Part.ROAD, "", exam -> exam.ask(DoctorCheck.TUNNEL, LIMIT.multipliedBy(9), ExaminerTest::stubborn));
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        assertTrue(took.compareTo(LIMIT) < 0, took.toString());
        Finding late = found(examiner, DoctorCheck.TUNNEL);
        assertEquals(ExitCode.DEADLINE, late.code());
        assertTrue(late.meaning().contains("the deadline of the command passed"), late.meaning());
    }

    /** Every check has a question and, if it can fail by itself, something that helps; names are told once. */
    @Test
    void everyCheckIsAQuestionOfItsOwn() {
        assertEquals(
                DoctorCheck.values().length,
                List.of(DoctorCheck.values()).stream()
                        .map(DoctorCheck::word)
                        .distinct()
                        .count());
        for (DoctorCheck check : DoctorCheck.values()) {
            assertTrue(check.question().endsWith("?"), check.toString());
            DoctorCheck needs = check.needs();
            assertTrue(needs == null || needs.compareTo(check) < 0, check + " needs what is asked after it");
        }
    }
}
