package io.migratekit.agent.watch;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which stalls have been reported already? One report when a worker stalls, one when it moves again. In between another
 * one when its new connections hang as well, and from time to time if it loses them one after the other: for then
 * connecting again did not help.
 */
final class Episodes {
    private record Episode(
            Layer layer,
            long atNanos,
            long toldNanos,
            int attempt,
            boolean news,
            boolean hangs,
            Set<String> connections) {}

    private final Map<String, Episode> open = new HashMap<>();
    private final Consumer<StallReport> onStall;
    private final long againNanos;

    /** @param again a stall that lasts is told again after this time, if connections have changed meanwhile */
    Episodes(Consumer<StallReport> onStall, Duration again) {
        this.onStall = onStall;
        againNanos = again.toNanos();
    }

    /** Looks at all workers; on the monitor's thread. */
    void look(List<WatchView.WorkerLook> workers, boolean wholeJob, long nowNanos, Supplier<String> dump) {
        for (WatchView.WorkerLook look : workers) {
            Episode episode = open.get(look.view().worker());
            if (look.verdict().motion() == Motion.STALLED) {
                stalled(look, episode, wholeJob, nowNanos, dump);
            } else if (look.view().stage().nature() == Stage.Nature.OVER) {
                // It has given up, or others have done its work: nothing moves again that could be told of.
                open.remove(look.view().worker());
            } else if (episode != null && isOver(look.view(), episode)) {
                open.remove(look.view().worker());
                onStall.accept(over(look, episode, open.isEmpty()));
            }
        }
    }

    private void stalled(
            WatchView.WorkerLook look,
            @Nullable Episode episode,
            boolean wholeJob,
            long nowNanos,
            Supplier<String> dump) {
        Set<String> connections =
                look.view().connections().stream().map(ConnectionView::id).collect(Collectors.toUnmodifiableSet());
        boolean hangs = look.verdict().hangs();
        if (episode != null) {
            boolean same = connections.equals(episode.connections);
            boolean toldThatTheyHang = same && episode.hangs;
            boolean timeToRepeat = !same && nowNanos - episode.toldNanos >= againNanos;
            if (!timeToRepeat && (!hangs || toldThatTheyHang)) {
                return;
            }
        }
        Layer layer = look.verdict().layer();
        Episode told = new Episode(
                layer == null ? Layer.LOCAL : layer,
                episode == null ? nowNanos : episode.atNanos,
                nowNanos,
                episode == null ? 1 : episode.attempt + 1,
                episode == null ? open.isEmpty() : episode.news,
                hangs,
                connections);
        open.put(look.view().worker(), told);
        onStall.accept(report(look, told, wholeJob, told.news, dump.get()));
    }

    /** A worker that connects again does not move yet; it does when a request was answered. */
    private static boolean isOver(WorkerView worker, Episode episode) {
        boolean answered = Stream.concat(worker.connections().stream(), worker.over().stream())
                .map(ConnectionView::lastAnswer)
                .anyMatch(last -> last != null && last.kind().isRequest() && last.atNanos() - episode.atNanos > 0);
        return answered || episode.layer == Layer.LOCAL;
    }

    private static StallReport report(
            WatchView.WorkerLook look, Episode episode, boolean wholeJob, boolean news, String dump) {
        return new StallReport(
                look.view().worker(),
                episode.layer,
                Duration.ofNanos(look.verdict().nanos()),
                look.verdict().evidence(),
                episode.layer.remedy(),
                episode.attempt,
                look.verdict().hangs(),
                news,
                wholeJob,
                false,
                dump);
    }

    private static StallReport over(WatchView.WorkerLook look, Episode episode, boolean news) {
        return new StallReport(
                look.view().worker(),
                episode.layer,
                Duration.ZERO,
                "",
                episode.layer.remedy(),
                episode.attempt,
                false,
                news,
                false,
                true,
                "");
    }
}
