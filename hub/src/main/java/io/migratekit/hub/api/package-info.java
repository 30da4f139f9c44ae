/**
 * The HTTP contract ({@code hub/openapi.yaml}): routes, what requests may say, who may ask, and how errors are told. A
 * client's mistake is answered with a problem, never with a stack trace.
 */
@NullMarked
package io.migratekit.hub.api;

import org.jspecify.annotations.NullMarked;
