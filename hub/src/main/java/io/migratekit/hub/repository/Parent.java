package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * On which content does an increment stand? The root names it. Which file holds it at the moment, the increment's own
 * header says.
 *
 * @param backup the restore point that had this content when the increment was begun
 */
public record Parent(String backup, String root, @Nullable JsonObject moment) {}
