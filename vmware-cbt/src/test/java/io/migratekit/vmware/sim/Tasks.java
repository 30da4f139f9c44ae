package io.migratekit.vmware.sim;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What runs in the background, one thread each: queued, running with progress, then well or with a fault. */
final class Tasks implements AutoCloseable {
    private static final int KEPT = 1000;
    private static final int STEPS = 10;

    private final AtomicInteger ids = new AtomicInteger(1);
    private final Map<String, SimTask> tasks = new LinkedHashMap<>();

    /** What the rules say about the next task. */
    record Course(
            Duration queued,
            Duration running,
            boolean neverEnds,
            @Nullable SimFault failure) {}

    /** Starts one for a VM, which is seized already and released at the end. */
    MoRef start(String method, SimVm vm, Course course, Callable<@Nullable Node> work) {
        SimTask task = new SimTask(new MoRef("Task", "task-" + ids.getAndIncrement()), method, vm, course, work);
        synchronized (tasks) {
            tasks.put(task.ref.id(), task);
            if (tasks.size() > KEPT) {
                tasks.remove(tasks.keySet().iterator().next());
            }
        }
        vm.began(task.ref);
        task.thread.start();
        return task.ref;
    }

    @Nullable
    SimTask find(String id) {
        synchronized (tasks) {
            return tasks.get(id);
        }
    }

    /** How many were started by this method. */
    int count(String method) {
        synchronized (tasks) {
            return (int)
                    tasks.values().stream().filter(t -> t.method.equals(method)).count();
        }
    }

    /** Ends all, as when the server goes down. */
    @Override
    public void close() {
        List<SimTask> all;
        synchronized (tasks) {
            all = List.copyOf(tasks.values());
            tasks.clear();
        }
        for (SimTask task : all) {
            task.thread.interrupt();
        }
        for (SimTask task : all) {
            try {
                if (!task.thread.join(Duration.ofSeconds(5))) {
                    System.getLogger(Tasks.class.getName()).log(System.Logger.Level.WARNING, "{0} goes on", task.ref);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** One of them. */
    static final class SimTask {
        private final MoRef ref;
        private final String method;
        private final SimVm vm;
        private final Course course;
        private final Callable<@Nullable Node> work;
        private final Thread thread;
        private final Instant queuedAt = Instant.now();
        private String state = "queued";
        private int progress;
        private boolean cancelled;
        private @Nullable Instant startedAt;
        private @Nullable Instant endedAt;
        private @Nullable Node result;
        private @Nullable SimFault error;

        private SimTask(MoRef ref, String method, SimVm vm, Course course, Callable<@Nullable Node> work) {
            this.ref = ref;
            this.method = method;
            this.vm = vm;
            this.course = course;
            this.work = work;
            this.thread = Thread.ofVirtual().name("sim-" + ref.id()).unstarted(this::run);
        }

        private void run() {
            SimFault failure = null;
            Node found = null;
            try {
                Thread.sleep(course.queued());
                synchronized (this) {
                    state = "running";
                    startedAt = Instant.now();
                }
                if (course.neverEnds()) {
                    Thread.sleep(Duration.ofHours(10));
                }
                for (int step = 1; step <= STEPS; step++) {
                    Thread.sleep(course.running().dividedBy(STEPS));
                    synchronized (this) {
                        progress = step * 9;
                    }
                }
                failure = course.failure();
                if (failure == null) {
                    found = work.call();
                }
            } catch (SimFault.Thrown e) {
                failure = e.fault();
            } catch (InterruptedException e) {
                failure = new SimFault("RequestCanceled", "The task was canceled by a user.");
            } catch (Exception e) {
                failure = new SimFault("SystemError", "the simulator itself failed: " + e).with("reason", e.toString());
            } finally {
                vm.release();
            }
            synchronized (this) {
                result = found;
                error = failure;
                state = failure == null ? "success" : "error";
                endedAt = Instant.now();
            }
        }

        synchronized void cancel() {
            if (endedAt != null) {
                throw new SimFault("InvalidState", "The task has ended.").asException();
            }
            cancelled = true;
            thread.interrupt();
        }

        synchronized Node properties() {
            Node info = Node.object(
                    "info",
                    "TaskInfo",
                    Node.text("key", ref.id()),
                    Node.ref("task", ref),
                    Node.text("name", method),
                    Node.text("descriptionId", "VirtualMachine." + method),
                    Node.ref("entity", vm.ref),
                    Node.text("entityName", vm.name),
                    Node.leaf("state", "TaskInfoState", state),
                    Node.flag("cancelled", cancelled),
                    Node.flag("cancelable", true));
            if (error != null) {
                info.add(Node.object(
                        "error",
                        "LocalizedMethodFault",
                        error.asNode("fault"),
                        Node.text("localizedMessage", error.message())));
            }
            if (result != null) {
                info.add(result.renamed("result", true));
            }
            if (state.equals("running")) {
                info.add(Node.number("progress", progress));
            }
            info.add(
                    Node.subtype("reason", "TaskReasonUser", Node.text("userName", "simulated")),
                    Node.time("queueTime", queuedAt));
            if (startedAt != null) {
                info.add(Node.time("startTime", startedAt));
            }
            if (endedAt != null) {
                info.add(Node.time("completeTime", endedAt));
            }
            return Node.object("Task", "Task", info.add(Node.number("eventChainId", 1)));
        }
    }
}
