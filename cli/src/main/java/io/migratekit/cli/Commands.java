package io.migratekit.cli;

import picocli.CommandLine;

/** How does picocli make a command? With the console if the command wants one; a container would be too much for that. */
final class Commands implements CommandLine.IFactory {
    private final Console console;

    Commands(Console console) {
        this.console = console;
    }

    @Override
    public <K> K create(Class<K> type) throws Exception {
        if (type == MapCommand.class) {
            return type.cast(new MapCommand(console));
        }
        if (type == InfoCommand.class) {
            return type.cast(new InfoCommand(console));
        }
        if (type == ProbeCommand.class) {
            return type.cast(new ProbeCommand(console));
        }
        if (type == CopyCommand.class) {
            return type.cast(new CopyCommand(console));
        }
        if (type == MigrateCommand.class) {
            return type.cast(new MigrateCommand(console));
        }
        if (type == DoctorCommand.class) {
            return type.cast(new DoctorCommand(console));
        }
        if (type == StatusCommand.class) {
            return type.cast(new StatusCommand(console));
        }
        if (type == TimelineCommand.class) {
            return type.cast(new TimelineCommand(console));
        }
        if (type == WhyCommand.class) {
            return type.cast(new WhyCommand(console));
        }
        if (type == RateCommand.class) {
            return type.cast(new RateCommand(console));
        }
        if (type == TunnelCheckCommand.class) {
            return type.cast(new TunnelCheckCommand(console));
        }
        if (type == TunnelRunCommand.class) {
            return type.cast(new TunnelRunCommand(console));
        }
        if (type == TunnelStatusCommand.class) {
            return type.cast(new TunnelStatusCommand(console));
        }
        if (type == HubServeCommand.class) {
            return type.cast(new HubServeCommand(console));
        }
        if (type == AgentServeCommand.class) {
            return type.cast(new AgentServeCommand(console));
        }
        if (type == HubStartCommand.class) {
            return type.cast(new HubStartCommand(console));
        }
        if (type == HubJobsCommand.class) {
            return type.cast(new HubJobsCommand(console));
        }
        if (type == HubScheduleCommand.class) {
            return type.cast(new HubScheduleCommand(console));
        }
        if (type == HubLimitsCommand.class) {
            return type.cast(new HubLimitsCommand(console));
        }
        if (type == HubAgentsCommand.class) {
            return type.cast(new HubAgentsCommand(console));
        }
        if (type == HubVmsCommand.class) {
            return type.cast(new HubVmsCommand(console));
        }
        if (type == HubListCommand.class) {
            return type.cast(new HubListCommand(console));
        }
        if (type == HubShowCommand.class) {
            return type.cast(new HubShowCommand(console));
        }
        if (type == HubChainCommand.class) {
            return type.cast(new HubChainCommand(console));
        }
        if (type == HubVerifyCommand.class) {
            return type.cast(new HubVerifyCommand(console));
        }
        if (type == HubRestoreCommand.class) {
            return type.cast(new HubRestoreCommand(console));
        }
        if (type == HubServePointCommand.class) {
            return type.cast(new HubServePointCommand(console));
        }
        if (type == HubCopyCommand.class) {
            return type.cast(new HubCopyCommand(console));
        }
        if (type == HubDeleteCommand.class) {
            return type.cast(new HubDeleteCommand(console));
        }
        if (type == HubPlaceCommand.class) {
            return type.cast(new HubPlaceCommand(console));
        }
        if (type == HubPruneCommand.class) {
            return type.cast(new HubPruneCommand(console));
        }
        if (type == HubAbandonCommand.class) {
            return type.cast(new HubAbandonCommand(console));
        }
        if (type == HubSshdConfigCommand.class) {
            return type.cast(new HubSshdConfigCommand(console));
        }
        if (type == HubTokenCommand.Add.class) {
            return type.cast(new HubTokenCommand.Add(console));
        }
        if (type == HubTokenCommand.ListAll.class) {
            return type.cast(new HubTokenCommand.ListAll(console));
        }
        if (type == HubTokenCommand.Remove.class) {
            return type.cast(new HubTokenCommand.Remove(console));
        }
        if (type == VmwareLoginCheckCommand.class) {
            return type.cast(new VmwareLoginCheckCommand(console));
        }
        if (type == VmwareThumbprintCommand.class) {
            return type.cast(new VmwareThumbprintCommand(console));
        }
        if (type == VmwareListCommand.class) {
            return type.cast(new VmwareListCommand(console));
        }
        if (type == VmwareEnableCbtCommand.class) {
            return type.cast(new VmwareEnableCbtCommand(console));
        }
        if (type == VmwareSnapshotsCommand.class) {
            return type.cast(new VmwareSnapshotsCommand(console));
        }
        if (type == HelpCommand.class) {
            return type.cast(new HelpCommand(console));
        }
        return CommandLine.defaultFactory().create(type);
    }
}
