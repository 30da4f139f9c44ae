package io.migratekit.tunnel;

import java.util.List;

/** What is known of a tunnel at this moment? */
public record TunnelView(
        String name,
        SshTarget target,
        TunnelState state,
        long timesLost,
        List<LinkView> links,
        List<ForwardView> forwards) {
    public TunnelView {
        links = List.copyOf(links);
        forwards = List.copyOf(forwards);
    }
}
