package io.migratekit.vmware;

import io.migratekit.nbd.Secret;
import io.migratekit.vmware.soap.SoapSpec;

/**
 * Where is the vCenter or ESXi host, who are we there, whom do we believe to be it, and how long may it take?
 *
 * @param apiVersion in which version of vSphere's language we talk, such as {@code 6.5}
 */
public record VCenterSpec(
        Endpoint endpoint, String username, Secret password, Trust trust, VCenterLimits limits, String apiVersion) {
    /** The first version that knows all that we ask for. */
    public static final String USUAL_API_VERSION = SoapSpec.USUAL_API_VERSION;

    /** The same in the usual version. */
    public VCenterSpec(Endpoint endpoint, String username, Secret password, Trust trust, VCenterLimits limits) {
        this(endpoint, username, password, trust, limits, USUAL_API_VERSION);
    }
}
