package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import org.jspecify.annotations.Nullable;

/** What does the writer say about one disk? */
public record SealDisk(
        int key,
        @Nullable String missing,
        @Nullable JsonObject moment,
        @Nullable String hashes,
        @Nullable String reason) {}
