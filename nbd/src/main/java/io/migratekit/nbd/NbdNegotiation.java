package io.migratekit.nbd;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A connection held in the middle of the handshake, where the server can be asked about its
 * exports without opening one: for {@code info}, {@code --list} and {@code probe}.
 */
public final class NbdNegotiation implements AutoCloseable {
    /** No sane server lists more; one that never stops would take our memory one name at a time. */
    private static final int LONGEST_LIST = 100_000;

    private final Link link;
    private boolean endless;
    private boolean handedOver;

    private NbdNegotiation(Link link) {
        this.link = link;
    }

    /** Connects, and has the greeting, encryption and structured replies agreed on when this returns. */
    public static NbdNegotiation open(NbdUri uri, ConnectSpec spec) {
        return new NbdNegotiation(Link.open(uri, spec.withContexts(List.of()), true));
    }

    /** An export as the server's list shows it. */
    public record Listed(String name, String description) {}

    /** True if the server can be asked; an old one has already opened the export by now. */
    public boolean canAsk() {
        return link.handle.isNegotiating();
    }

    /** Every export that the server shows; it may have others. */
    public List<Listed> list() {
        List<Listed> exports = new ArrayList<>();
        option(() -> link.handle.startList((name, description) -> {
            if (exports.size() < LONGEST_LIST) {
                exports.add(new Listed(name, description));
            } else {
                endless = true;
            }
        }));
        return exports;
    }

    /** Describes the named export without opening it, which a server may refuse for all or for some. */
    public ExportInfo info(String exportName) {
        link.handle.exportName(exportName);
        option(() -> link.handle.startExport(false));
        return link.describe(exportName);
    }

    /**
     * Describes the named export. With a server too old to describe one without opening it, it is
     * opened, with {@code base:allocation}, and {@link #canAsk} is false from then on.
     */
    public ExportInfo infoOrOpen(String exportName) {
        if (!canAsk()) {
            return link.describe(exportName);
        }
        try {
            return info(exportName);
        } catch (NbdException.Refused e) {
            if (!canAsk() || !link.handle.optionWasUnknown()) {
                throw e;
            }
            link.handle.addContext(ConnectSpec.BASE_ALLOCATION);
            option(() -> link.handle.startExport(true));
            return link.describe(exportName);
        }
    }

    /** The metadata contexts of the named export; empty if the server does not say. */
    public Optional<List<String>> contexts(String exportName) {
        if (!canAsk()) {
            return Optional.empty();
        }
        link.handle.exportName(exportName);
        List<String> names = new ArrayList<>();
        try {
            option(() -> link.handle.startListContexts(name -> {
                if (names.size() < LONGEST_LIST) {
                    names.add(name);
                } else {
                    endless = true;
                }
            }));
            return Optional.of(names);
        } catch (NbdException.Refused e) {
            return Optional.empty();
        }
    }

    /**
     * Ends the negotiation by opening the named export, with these metadata contexts. The connection
     * takes over; closing this negotiation does nothing any more.
     */
    public NbdConnection go(String exportName, List<String> contexts) {
        if (canAsk()) {
            link.handle.exportName(exportName);
            link.handle.clearContexts();
            contexts.forEach(link.handle::addContext);
            option(() -> link.handle.startExport(true));
        }
        handedOver = true;
        return new NbdConnection(link, exportName);
    }

    private void option(Runnable start) {
        try {
            start.run();
        } catch (LibnbdError e) {
            throw link.translate(e, "NEGOTIATING");
        }
        link.drive(() ->
                endless || (!link.handle.optionPending() && (link.handle.isNegotiating() || link.handle.isReady())));
        if (endless) {
            link.markFailed();
            throw new NbdException.ConnectionLost(
                    link.uri + ": given up, because the server lists more than " + LONGEST_LIST + " names.");
        }
        try {
            link.handle.optionResult();
        } catch (LibnbdError e) {
            throw link.translate(e, "NEWSTYLE.OPT_GO");
        }
    }

    /** Says goodbye and ends the connection, in bounded time. */
    @Override
    public void close() {
        if (!handedOver) {
            link.close();
        }
    }
}
