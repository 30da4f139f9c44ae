package io.migratekit.vmware.soap;

import com.google.gson.JsonElement;
import org.jspecify.annotations.Nullable;

/** How is a task? */
public sealed interface TaskState {
    /** It waits its turn, or works. */
    record Underway(String state, int percent) implements TaskState {}

    /** It is done. */
    record Succeeded(@Nullable JsonElement result) implements TaskState {}

    /** It failed, or was cancelled. */
    record Failed(SoapException.Fault fault) implements TaskState {}

    /** Reads it from the properties of the task. */
    static TaskState of(Facts facts) {
        String state = facts.text("info.state");
        return switch (state) {
            case "success" -> new Succeeded(facts.get("info.result"));
            case "error" -> new Failed(Vim.fault(facts.get("info.error")));
            default -> new Underway(state, (int) facts.number("info.progress", 0));
        };
    }
}
