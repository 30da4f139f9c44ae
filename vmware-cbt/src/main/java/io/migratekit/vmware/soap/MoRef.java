package io.migratekit.vmware.soap;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.vmware.vim25.ManagedObjectReference;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which managed object? Its type and its id, such as {@code VirtualMachine} and {@code vm-57}. */
public record MoRef(String type, String id) {
    static MoRef of(ManagedObjectReference reference) {
        return new MoRef(reference.getType(), reference.val);
    }

    /** The reference that stands in JSON, if it is one. */
    public static Optional<MoRef> of(@Nullable JsonElement json) {
        return json instanceof JsonObject object && object.has("type") && object.has("value")
                ? Optional.of(new MoRef(
                        object.get("type").getAsString(), object.get("value").getAsString()))
                : Optional.empty();
    }
}
