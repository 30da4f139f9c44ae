package io.migratekit.hub.guest;

/**
 * Which network card has the VM?
 *
 * @param mac six bytes in hexadecimal with colons, in small letters; empty if not told or not usable
 * @param network what it was connected to; empty if not told
 */
public record MachineNic(NicModel model, String mac, String network) {}
