package io.migratekit.vmware.sim;

/** Which managed object is meant? */
record MoRef(String type, String id) {}
