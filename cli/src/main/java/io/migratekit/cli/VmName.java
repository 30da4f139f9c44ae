package io.migratekit.cli;

import picocli.CommandLine;

/** How does a user name a VM? By whatever vCenter may know it by, but not by nothing. */
final class VmName implements CommandLine.ITypeConverter<String> {
    @Override
    public String convert(String text) {
        if (text.isBlank()) {
            throw new CommandLine.TypeConversionException(
                    "it is empty; `migratekit vmware list` shows which VMs there are");
        }
        return text;
    }
}
