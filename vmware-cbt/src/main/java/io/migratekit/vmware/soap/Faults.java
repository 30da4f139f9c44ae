package io.migratekit.vmware.soap;

import com.google.gson.JsonObject;
import com.vmware.vim25.LocalizedMethodFault;
import com.vmware.vim25.MethodFault;
import com.vmware.vim25.MissingProperty;
import com.vmware.vim25.ObjectContent;
import com.vmware.vim25.RetrieveResult;
import org.jspecify.annotations.Nullable;

/** Which fault is it that a server names, in an answer of its own, in a task, or hidden in a list of properties? */
final class Faults {
    static final String NOT_AUTHENTICATED = "NotAuthenticated";

    private Faults() {}

    /** @param typed as decoded, of the class that the stubs have for it or another one */
    static SoapException.Fault of(String name, String words, @Nullable Object typed) {
        String known = name.isEmpty() && typed instanceof MethodFault fault ? UnknownFault.nameOf(fault) : name;
        JsonObject detail = typed != null && Json.of(typed) instanceof JsonObject object ? object : null;
        return new SoapException.Fault(
                known.isEmpty() ? "unnamed fault" : known, words.isBlank() ? known : words.strip(), detail);
    }

    static SoapException.Fault of(@Nullable LocalizedMethodFault localized) {
        MethodFault fault = localized == null ? null : localized.fault;
        String name = fault == null ? "" : UnknownFault.nameOf(fault);
        String words = localized == null || localized.localizedMessage == null ? "" : localized.localizedMessage;
        return of(name, words, fault);
    }

    /** A session that ended shows in the properties that are missing; nothing else tells. */
    static boolean sessionIsGone(@Nullable Object answer) {
        return switch (answer) {
            case RetrieveResult result when result.objects != null -> anyGone(result.objects);
            case ObjectContent[] objects -> anyGone(objects);
            case null, default -> false;
        };
    }

    private static boolean anyGone(ObjectContent[] objects) {
        for (ObjectContent object : objects) {
            for (MissingProperty missing : object.missingSet == null ? new MissingProperty[0] : object.missingSet) {
                if (of(missing.fault).name().equals(NOT_AUTHENTICATED)) {
                    return true;
                }
            }
        }
        return false;
    }
}
