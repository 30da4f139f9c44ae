/**
 * How does an agent talk to the hub? The other side of {@code hub/openapi.yaml}: {@link HubClient} asks, and nothing else
 * here knows HTTP.
 */
@NullMarked
package io.migratekit.agent.hub;

import org.jspecify.annotations.NullMarked;
