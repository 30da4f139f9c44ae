package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import org.jspecify.annotations.Nullable;

/** On which content does an increment stand? The root names it, whatever file holds it. */
public record Parent(String backup, String root, @Nullable JsonObject moment, String layer) {}
