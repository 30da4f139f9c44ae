package io.migratekit.vmware;

import io.migratekit.vmware.soap.SoapException;
import java.util.Set;
import java.util.function.Supplier;

/** What does a failed call mean to whoever asked for it? */
final class Failures {
    private static final Set<String> GONE = Set.of("ManagedObjectNotFound", "NotFound");
    private static final Set<String> LOGIN = Set.of("InvalidLogin", "NotAuthenticated", "PasswordExpired", "NoHost");
    private static final Set<String> CANNOT = Set.of(
            "NotSupported",
            "RestrictedVersion",
            "NotImplemented",
            "MethodNotFound",
            "RestrictedByAdministrator",
            "LicenseEntityNotFound",
            "NotEnoughLicenses",
            "InvalidLicense",
            "ExpiredFeatureLicense");

    private final VCenterSpec spec;

    Failures(VCenterSpec spec) {
        this.spec = spec;
    }

    /** Runs a call; its failure is said as the failure of {@code what}, such as {@code taking a snapshot of web01}. */
    <T> T of(String what, Supplier<T> call) {
        try {
            return call.get();
        } catch (SoapException e) {
            throw translated(what, e);
        }
    }

    VSphereException translated(String what, SoapException failure) {
        String words = what + ": " + failure.getMessage();
        return switch (failure) {
            case SoapException.NoConnection e -> new VSphereException.Unreachable(words, e);
            case SoapException.Lost e -> new VSphereException.Unreachable(words, e);
            case SoapException.NoAnswer _ -> new VSphereException.NoAnswer(words);
            case SoapException.Tls e -> new VSphereException.Untrusted(e.getMessage());
            case SoapException.NotVSphere e -> new VSphereException.NotVSphere(words, e);
            case SoapException.Unsendable _ -> new VSphereException.BadSpec(words);
            case SoapException.Interrupted _ -> new VSphereException.Cancelled(words);
            case SoapException.Fault e -> fault(what, e);
        };
    }

    private VSphereException fault(String what, SoapException.Fault fault) {
        String name = fault.name();
        String said = fault.getMessage().contains(name) ? fault.getMessage() : name + ", " + fault.getMessage();
        if (name.equals("NoPermission")) {
            return new VSphereException.Denied(what + ": " + spec.username() + " lacks the privilege "
                    + fault.field("privilegeId").orElse("for it (its name was not told)")
                    + fault.field("object").map(object -> " on " + object).orElse("") + " at " + spec.endpoint()
                    + "; give it to the user's role there");
        }
        if (LOGIN.contains(name)) {
            return new VSphereException.LoginRefused(spec.endpoint() + " refuses the login of " + spec.username() + ": "
                    + said + ". Look at user name and password; too many attempts lock an account");
        }
        if (GONE.contains(name)) {
            return new VSphereException.NotFound(what + ": it is not there, or not any more (" + said + ")");
        }
        if (CANNOT.contains(name)) {
            return new VSphereException.Unsupported(what + ": " + spec.endpoint() + " cannot do that (" + said + ")"
                    + (name.equals("RestrictedVersion") ? "; its licence allows no changes through the API" : ""));
        }
        return new VSphereException.Fault(name, what + ": " + said);
    }
}
