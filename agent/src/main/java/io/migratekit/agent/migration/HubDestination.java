package io.migratekit.agent.migration;

import com.google.gson.JsonPrimitive;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.NbdUri;
import java.util.function.UnaryOperator;

/**
 * Which hub keeps the backups?
 *
 * @param agent program and version, for the records
 * @param sealIncomplete whether what is there is sealed when disks fail
 * @param road how an export is reached that the hub names as its own host sees it
 */
public record HubDestination(HubClient client, String agent, boolean sealIncomplete, UnaryOperator<NbdUri> road)
        implements Destination {
    /** Whether the hub lets nobody go on with this job, since its agent was lost: what it has left is nobody's. */
    boolean hasGivenUp(String job) {
        return client.job(job)
                .filter(known -> known.get("cancelled") instanceof JsonPrimitive cancelled
                        && cancelled.getAsBoolean()
                        && !known.has("agent"))
                .isPresent();
    }

    @Override
    public String text() {
        return "hub " + client.address().text();
    }
}
