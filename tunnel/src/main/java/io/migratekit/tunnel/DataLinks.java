package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.INFO;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntFunction;

/**
 * Over which SSH session does a new connection go? Over one of its own as long as the maximum allows:
 * measured, four sessions carry half as much again as one, and a session's encryption is the work of
 * one thread. Beyond that over the one with the least to do.
 */
final class DataLinks {
    private static final System.Logger LOG = System.getLogger(DataLinks.class.getName());
    private static final long SLICE_MILLIS = 100;

    /** One place for a link; relays that wait for it to be made count already. */
    private static final class Place {
        final int number;
        final CompletableFuture<SshLink> link;
        int reserved;

        Place(int number, CompletableFuture<SshLink> link) {
            this.number = number;
            this.link = link;
        }

        Optional<SshLink> ready() {
            return link.state() == Future.State.SUCCESS ? Optional.of(link.resultNow()) : Optional.empty();
        }

        boolean isDead() {
            return link.isCompletedExceptionally()
                    || ready().map(up -> !up.isUp()).orElse(false);
        }

        int load() {
            return reserved + ready().map(SshLink::load).orElse(0);
        }
    }

    private final int most;
    private final IntFunction<SshLink> maker;
    private final List<Place> places = new ArrayList<>();
    private boolean closed;

    /** @param maker makes the link of a number, or throws */
    DataLinks(int most, IntFunction<SshLink> maker) {
        this.most = most;
        this.maker = maker;
    }

    /** A link that is made and kept by somebody else may carry data, too. */
    synchronized void lend(SshLink link) {
        places.add(new Place(0, CompletableFuture.completedFuture(link)));
    }

    /** Enters this guest into the best link, which is made first if need be. */
    SshLink enter(SshLink.Guest guest) {
        Place place = choose();
        try {
            SshLink link = await(place);
            link.enter(guest);
            return link;
        } finally {
            synchronized (this) {
                place.reserved--;
            }
        }
    }

    private synchronized Place choose() {
        if (closed) {
            throw new TunnelException.Cancelled("the tunnel is closed");
        }
        places.removeIf(Place::isDead);
        Place best = places.stream().min(Comparator.comparingInt(Place::load)).orElse(null);
        if (best == null || (best.load() > 0 && places.size() < most)) {
            best = make();
        }
        best.reserved++;
        return best;
    }

    private Place make() {
        int number = 1;
        while (isTaken(number)) {
            number++;
        }
        Place place = new Place(number, new CompletableFuture<>());
        places.add(place);
        int chosen = number;
        Thread.ofPlatform().daemon().name("ssh-open-" + number).start(() -> {
            try {
                place.link.complete(maker.apply(chosen));
            } catch (Throwable e) { // Whatever it is, somebody waits to hear of it.
                place.link.completeExceptionally(e);
            }
        });
        return place;
    }

    private boolean isTaken(int number) {
        return places.stream().anyMatch(place -> place.number == number);
    }

    /** Waits for a link to be made; its maker has limits. If it fails, any other that is up will do. */
    private SshLink await(Place place) {
        while (true) {
            try {
                return place.link.get(SLICE_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Its maker is at work, and bounded.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new TunnelException.Cancelled("interrupted while an SSH session was being opened");
            } catch (ExecutionException e) {
                LOG.log(INFO, () -> "link=" + place.number + " not opened: " + e.getCause());
                return anyUp().orElseThrow(() -> failure(e));
            }
        }
    }

    private synchronized Optional<SshLink> anyUp() {
        return places.stream()
                .flatMap(place -> place.ready().stream())
                .filter(SshLink::isUp)
                .min(Comparator.comparingInt(SshLink::load));
    }

    private static RuntimeException failure(ExecutionException e) {
        return e.getCause() instanceof TunnelException known ? known : new CompletionException(e);
    }

    /** Closes links that nobody has used for long; a lent one is left to its owner. */
    synchronized void closeIdle(java.time.Duration idle) {
        for (Place place : List.copyOf(places)) {
            place.ready()
                    .filter(link ->
                            place.number > 0 && place.load() == 0 && link.idle().compareTo(idle) > 0)
                    .ifPresent(link -> {
                        places.remove(place);
                        link.close();
                    });
        }
    }

    synchronized List<LinkView> views() {
        return places.stream()
                .filter(place -> place.number > 0)
                .flatMap(place -> place.ready().stream())
                .map(SshLink::view)
                .toList();
    }

    /** Closes what was made here; no more will be made. */
    synchronized void closeAll() {
        closed = true;
        for (Place place : places) {
            if (place.number > 0) {
                CompletableFuture<?> _ = place.link.thenAccept(SshLink::close);
            }
        }
        places.clear();
    }
}
