package io.migratekit.hub.guest;

/** What looks for an operating system when the machine is switched on? */
public enum Firmware {
    BIOS,
    EFI
}
