package io.migratekit.vmware.sim;

import java.time.Duration;

/**
 * How is a simulated vCenter set up?
 *
 * @param address where it listens
 * @param port 0 for any that is free
 * @param sessionIdle so long a session lives without a call
 * @param granularityBytes in pieces of this size writes are noticed
 * @param objectsPerPage so many objects an answer of RetrievePropertiesEx holds
 * @param apiVersion what it says of itself, and the newest SOAPAction that it takes
 */
public record Settings(
        String address,
        int port,
        String username,
        String password,
        String instanceUuid,
        Duration sessionIdle,
        int granularityBytes,
        int objectsPerPage,
        String apiVersion) {
    public static final Settings DEFAULT = new Settings(
            "127.0.0.1",
            0,
            "backup@vsphere.local",
            "s3cret & <sim>",
            "5f0c7e8e-3a51-4e0c-9d0c-000000000001",
            Duration.ofMinutes(30),
            64 * 1024,
            100,
            "6.7.3");

    public Settings atPort(int newPort) {
        return new Settings(
                address,
                newPort,
                username,
                password,
                instanceUuid,
                sessionIdle,
                granularityBytes,
                objectsPerPage,
                apiVersion);
    }

    public Settings atAddress(String newAddress) {
        return new Settings(
                newAddress,
                port,
                username,
                password,
                instanceUuid,
                sessionIdle,
                granularityBytes,
                objectsPerPage,
                apiVersion);
    }

    public Settings user(String newName, String newPassword) {
        return new Settings(
                address,
                port,
                newName,
                newPassword,
                instanceUuid,
                sessionIdle,
                granularityBytes,
                objectsPerPage,
                apiVersion);
    }

    /** Another vCenter than the usual one. */
    public Settings instance(String uuid) {
        return new Settings(
                address, port, username, password, uuid, sessionIdle, granularityBytes, objectsPerPage, apiVersion);
    }

    public Settings idle(Duration limit) {
        return new Settings(
                address, port, username, password, instanceUuid, limit, granularityBytes, objectsPerPage, apiVersion);
    }

    public Settings granularity(int bytes) {
        return new Settings(
                address, port, username, password, instanceUuid, sessionIdle, bytes, objectsPerPage, apiVersion);
    }

    public Settings paging(int objects) {
        return new Settings(
                address, port, username, password, instanceUuid, sessionIdle, granularityBytes, objects, apiVersion);
    }

    public Settings api(String version) {
        return new Settings(
                address,
                port,
                username,
                password,
                instanceUuid,
                sessionIdle,
                granularityBytes,
                objectsPerPage,
                version);
    }

    /** Without the password. */
    @Override
    public String toString() {
        return username + " at port " + port;
    }

    int granularity() {
        return granularityBytes;
    }
}
