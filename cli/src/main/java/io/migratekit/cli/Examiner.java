package io.migratekit.cli;

import io.migratekit.cli.Finding.Status;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParameterException;

/**
 * Who asks the questions of {@code doctor}, and sees to it that each is answered in time? Each part is looked at by a
 * thread of its own, which is left behind when a question gets no answer within its limit. What makes no sense because
 * another check failed is not asked.
 */
final class Examiner {
    /** Who was interrupted closes what it holds in this time, or never. */
    private static final Duration LEAVE = Duration.ofSeconds(1);

    private final Deadline deadline;
    private final List<Result> results = new ArrayList<>();

    /** @param subject what was looked at, where there may be several */
    record Result(DoctorCheck check, String subject, Finding finding) {
        boolean stands() {
            return finding.status() == Status.OK || finding.status() == Status.WARN;
        }
    }

    Examiner(Deadline deadline) {
        this.deadline = deadline;
    }

    /** All that was found, in the order of the hops. */
    List<Result> results() {
        synchronized (results) {
            return results.stream()
                    .sorted(Comparator.comparing((Result one) -> one.check().part())
                            .thenComparing(Result::subject)
                            .thenComparing(Result::check))
                    .toList();
        }
    }

    /** Has a part looked at; comes back when that is over, one way or the other. */
    void look(DoctorCheck.Part part, String subject, Consumer<Exam> look) {
        Exam exam = new Exam(part, subject);
        Thread thread = Thread.ofPlatform().daemon().name("doctor-" + part).start(() -> exam.run(look));
        exam.awaitEnd(thread);
    }

    /** One part of the examination. */
    final class Exam {
        private final DoctorCheck.Part part;
        private final String subject;
        private @Nullable DoctorCheck current;
        private Duration limit = Duration.ZERO;
        private Deadline end = Deadline.NEVER;
        private boolean over;
        private boolean abandoned;

        private Exam(DoctorCheck.Part part, String subject) {
            this.part = part;
            this.subject = subject;
        }

        /** Asks one question, unless it makes no sense any more; whether all is well enough to go on from here. */
        boolean ask(DoctorCheck check, Duration atMost, Supplier<Answer> look) {
            if (notAsked(check)) {
                return false;
            }
            begin(check, atMost);
            long begunNanos = System.nanoTime();
            Answer answer;
            try {
                answer = look.get();
            } catch (RuntimeException e) {
                answer = failure(e);
            }
            note(check, answer, Duration.ofNanos(System.nanoTime() - begunNanos));
            return answer.status() != Status.FAIL;
        }

        /** From now on this is what is waited for. */
        void begin(DoctorCheck check, Duration atMost) {
            synchronized (results) {
                current = check;
                limit = deadline.atMost(atMost);
                end = Deadline.in(limit);
            }
        }

        void note(DoctorCheck check, Answer answer, Duration took) {
            String remedy = answer.remedy().isEmpty() ? check.remedy() : answer.remedy();
            boolean well = answer.status() == Status.OK;
            found(
                    check,
                    new Finding(
                            check.word(),
                            answer.status(),
                            took,
                            well ? answer.evidence() : "",
                            well ? "" : answer.evidence(),
                            well || remedy.isEmpty() ? Optional.empty() : Optional.of(remedy),
                            answer.code()));
        }

        void found(DoctorCheck check, Finding finding) {
            synchronized (results) {
                if (!abandoned) {
                    results.add(new Result(check, subject, finding));
                }
            }
        }

        /** Says of those that no answer was looked for, and that make no sense any more. */
        void leaveOut(List<DoctorCheck> checks) {
            for (DoctorCheck check : checks) {
                if (find(check).isEmpty()) {
                    var _ = notAsked(check);
                }
            }
        }

        /** Says of those that no answer was looked for that they are not asked since this one failed. */
        void leaveOutAll(List<DoctorCheck> checks, DoctorCheck cause) {
            for (DoctorCheck check : checks) {
                if (find(check).isEmpty()) {
                    leaveOut(check, cause.word() + " failed");
                }
            }
        }

        private void leaveOut(DoctorCheck check, String since) {
            found(
                    check,
                    new Finding(
                            check.word(), Status.NOT_ASKED, Duration.ZERO, "", since, Optional.empty(), ExitCode.DONE));
        }

        /** What was found of it, here or in an earlier part. */
        Optional<Result> find(DoctorCheck check) {
            synchronized (results) {
                return results.stream()
                        .filter(one -> one.check() == check
                                && (check.part() != part || one.subject().equals(subject)))
                        .findFirst();
            }
        }

        /** Whether one that it needs, however indirectly, was not well; then that is noted. */
        private boolean notAsked(DoctorCheck check) {
            for (DoctorCheck need = check.needs(); need != null; need = need.needs()) {
                Optional<Result> known = find(need);
                if (known.isPresent() && !known.get().stands()) {
                    Finding cause = known.get().finding();
                    leaveOut(check, cause.status() == Status.NOT_ASKED ? cause.meaning() : need.word() + " failed");
                    return true;
                }
            }
            return false;
        }

        private void run(Consumer<Exam> look) {
            try {
                look.accept(this);
            } catch (RuntimeException e) {
                DoctorCheck at = current;
                if (at != null) {
                    note(at, failure(e), Duration.ZERO);
                }
            } finally {
                synchronized (results) {
                    over = true;
                    results.notifyAll();
                }
            }
        }

        private static Answer failure(RuntimeException e) {
            if (e instanceof ParameterException mistake) {
                return Answer.fail(ExitCode.USAGE, String.valueOf(mistake.getMessage()))
                        .helpedBy("correct the command line");
            }
            ExitCode code = Console.codeOf(e);
            return Answer.fail(code, code == ExitCode.FAILED ? "unexpected: " + e : String.valueOf(e.getMessage()));
        }

        private void awaitEnd(Thread thread) {
            try {
                synchronized (results) {
                    while (!over && !end.isOver()) {
                        TimeUnit.MILLISECONDS.timedWait(results, 20);
                    }
                    if (over) {
                        return;
                    }
                    giveUp();
                }
                thread.interrupt();
                var _ = thread.join(LEAVE);
            } catch (InterruptedException e) {
                thread.interrupt();
                Thread.currentThread().interrupt();
                throw new CommandFailed(ExitCode.INTERRUPTED, "interrupted");
            }
        }

        private void giveUp() {
            DoctorCheck at = current;
            if (at != null) {
                boolean late = deadline.isOver();
                note(
                        at,
                        Answer.fail(
                                late ? ExitCode.DEADLINE : part.silence(),
                                late
                                        ? "the deadline of the command passed before there was an answer"
                                        : "there was no answer within " + Durations.show(limit)),
                        limit);
            }
            leaveOut(part.checks());
            abandoned = true;
        }
    }
}
