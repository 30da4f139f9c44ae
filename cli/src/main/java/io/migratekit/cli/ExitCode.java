package io.migratekit.cli;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.migration.MigrationException;
import io.migratekit.agent.restore.RestoreException;
import io.migratekit.agent.watch.Side;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.Wait;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.vmware.VSphereException;

/** With which number does the program end? One number a cause, never used for another one. */
enum ExitCode {
    DONE(0, "done"),
    FAILED(1, "failed, cause unknown"),
    USAGE(2, "the command line or the configuration is wrong"),
    SOURCE_UNREACHABLE(
            10,
            "the source (vCenter, ESXi, or the NBD server that is copied from) cannot be reached, has no such export,"
                    + " or fell silent"),
    SOURCE_AUTHENTICATION(11, "the source rejects the login, or its TLS identity is not the expected one"),
    SOURCE_REFUSED(12, "the source refuses: permission, licence, or a kind of disk that cannot be read"),
    TUNNEL(20, "the SSH tunnel cannot be made or broke"),
    NBD_UNREACHABLE(
            30,
            "the NBD server (of a copy: its target) cannot be reached, refuses (no such export), or the connection broke"),
    NBD_NO_GREETING(31, "the NBD server accepts the connection but sends no greeting: slots taken, or frozen"),
    NBD_SILENT(32, "the NBD server fell silent after its greeting"),
    NBD_ERROR(33, "the NBD server answered a request with an error, or lacks the metadata context"),
    NBD_TLS(34, "no agreement on encryption with the NBD server, or it is not who it should be"),
    HUB_REPOSITORY(40, "the hub has no space, its repository is damaged, or it refuses what is asked"),
    HUB_AUTHENTICATION(41, "the hub rejects the token"),
    HUB_UNREACHABLE(42, "the hub's API cannot be reached, does not answer, or is none"),
    VERIFICATION_MISMATCH(50, "verification found a difference"),
    CHAIN_BROKEN(51, "a chain of layers is broken"),
    STALLED(60, "no progress for too long"),
    DEADLINE(61, "the deadline of the command passed"),
    LOCKED(62, "another run holds the job or the VM"),
    LOCAL_STATE(63, "something on this machine: a missing library, an unwritable file or state directory"),
    INTERRUPTED(130, "interrupted by Ctrl-C (128 + signal number for other signals)"),
    OUTPUT_CLOSED(141, "nobody reads the output any more");

    private final int code;
    private final String meaning;

    ExitCode(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    int code() {
        return code;
    }

    String meaning() {
        return meaning;
    }

    /** The code for a failed conversation with an NBD server. */
    static ExitCode of(NbdException failure) {
        return switch (failure) {
            case NbdException.BadUri e -> USAGE;
            case NbdException.LibraryMissing e -> LOCAL_STATE;
            case NbdException.Unreachable e -> NBD_UNREACHABLE;
            case NbdException.NotNbd e -> NBD_UNREACHABLE;
            case NbdException.Refused e -> NBD_UNREACHABLE;
            case NbdException.ConnectionLost e -> NBD_UNREACHABLE;
            case NbdException.NoAnswer e -> ofSilence(e.awaited());
            case NbdException.Unsupported e -> NBD_ERROR;
            case NbdException.RequestFailed e -> NBD_ERROR;
            case NbdException.TlsFailed e -> NBD_TLS;
            case NbdException.DeadlinePassed e -> DEADLINE;
            case NbdException.Cancelled e -> INTERRUPTED;
        };
    }

    /** The code for a failed copy: of two ends, the source has codes of its own. */
    static ExitCode of(CopyException failure) {
        return switch (failure) {
            case CopyException.Refused e -> USAGE;
            case CopyException.NoSpace e -> HUB_REPOSITORY;
            case CopyException.Stalled e -> STALLED;
            case CopyException.RoadDown e -> TUNNEL;
            case CopyException.DeadlinePassed e -> DEADLINE;
            case CopyException.Mismatch e -> VERIFICATION_MISMATCH;
            case CopyException.Unproved e -> VERIFICATION_MISMATCH;
            case CopyException.Interrupted e -> INTERRUPTED;
            case CopyException.EndFailed e when e.side() == Side.SOURCE -> ofSource(e.failure());
            case CopyException.EndFailed e -> of(e.failure());
        };
    }

    private static ExitCode ofSource(NbdException failure) {
        ExitCode code = of(failure);
        return switch (code) {
            case NBD_UNREACHABLE, NBD_NO_GREETING, NBD_SILENT -> SOURCE_UNREACHABLE;
            case NBD_TLS -> SOURCE_AUTHENTICATION;
            default -> code;
        };
    }

    /** The code for a job that cannot be worked on, or not be remembered. */
    static ExitCode of(JobException failure) {
        return switch (failure) {
            case JobException.BadId e -> USAGE;
            case JobException.BadRanges e -> USAGE;
            case JobException.Mismatch e -> USAGE;
            case JobException.Locked e -> LOCKED;
            case JobException.Damaged e -> LOCAL_STATE;
            case JobException.Storage e -> LOCAL_STATE;
        };
    }

    /** The code for a restore that did not come about. */
    static ExitCode of(RestoreException failure) {
        return switch (failure) {
            case RestoreException.InTheWay e -> USAGE;
            case RestoreException.NoFile e -> LOCAL_STATE;
            case RestoreException.NoPlace e -> HUB_REPOSITORY;
            case RestoreException.NotWhatWasSealed e -> VERIFICATION_MISMATCH;
        };
    }

    /** The code for a repository that does not do what is asked. */
    static ExitCode of(RepositoryException failure) {
        return switch (failure) {
            case RepositoryException.BadRequest e -> USAGE;
            case RepositoryException.NotFound e -> USAGE;
            case RepositoryException.Conflict e -> HUB_REPOSITORY;
            case RepositoryException.NoSpace e -> HUB_REPOSITORY;
            case RepositoryException.Storage e -> HUB_REPOSITORY;
            case RepositoryException.Damaged e -> CHAIN_BROKEN;
            case RepositoryException.Locked e -> LOCKED;
        };
    }

    /** The code for a hub that does not do what is asked. */
    static ExitCode of(HubException failure) {
        return switch (failure) {
            case HubException.BadAddress e -> USAGE;
            case HubException.Unreachable e -> HUB_UNREACHABLE;
            case HubException.NoAnswer e -> HUB_UNREACHABLE;
            case HubException.NotHub e -> HUB_UNREACHABLE;
            case HubException.Denied e -> HUB_AUTHENTICATION;
            case HubException.Cancelled e -> INTERRUPTED;
            case HubException.Refused e -> ofHub(e.word());
        };
    }

    /** The code for what a hub says why it does not do something, in the word of its contract. */
    static ExitCode ofHub(String word) {
        return switch (word) {
            case "locked" -> LOCKED;
            case "busy" -> HUB_UNREACHABLE; // It may be otherwise in a moment.
            case "damaged" -> CHAIN_BROKEN;
            case "unreached" -> TUNNEL;
            case "bad-request", "not-found", "sealed", "other-vm" -> USAGE;
            default -> HUB_REPOSITORY;
        };
    }

    /** The code for a road that is not there, or not any more. */
    static ExitCode of(TunnelException failure) {
        return switch (failure) {
            case TunnelException.BadSpec e -> USAGE;
            case TunnelException.ListenFailed e -> TUNNEL;
            case TunnelException.Unreachable e -> TUNNEL;
            case TunnelException.NoAnswer e -> TUNNEL;
            case TunnelException.NotSsh e -> TUNNEL;
            case TunnelException.HostKeyUnknown e -> TUNNEL;
            case TunnelException.HostKeyChanged e -> TUNNEL;
            case TunnelException.KeyUnusable e -> TUNNEL;
            case TunnelException.AuthenticationFailed e -> TUNNEL;
            case TunnelException.Insecure e -> TUNNEL;
            case TunnelException.ForwardRefused e -> TUNNEL;
            case TunnelException.LinkLost e -> TUNNEL;
            case TunnelException.Cancelled e -> INTERRUPTED;
        };
    }

    /** The code for a failed conversation with the source. */
    static ExitCode of(VSphereException failure) {
        return switch (failure) {
            case VSphereException.BadSpec e -> USAGE;
            case VSphereException.Unreachable e -> SOURCE_UNREACHABLE;
            case VSphereException.NoAnswer e -> SOURCE_UNREACHABLE;
            case VSphereException.NotVSphere e -> SOURCE_UNREACHABLE;
            case VSphereException.Untrusted e -> SOURCE_AUTHENTICATION;
            case VSphereException.LoginRefused e -> SOURCE_AUTHENTICATION;
            case VSphereException.Denied e -> SOURCE_REFUSED;
            case VSphereException.NotFound e -> SOURCE_REFUSED;
            case VSphereException.Unsupported e -> SOURCE_REFUSED;
            case VSphereException.Fault e -> SOURCE_REFUSED;
            case VSphereException.DiskServerFailed e -> SOURCE_REFUSED;
            case VSphereException.Cancelled e -> INTERRUPTED;
        };
    }

    /** The code for a backup that did not come about. */
    static ExitCode of(MigrationException failure) {
        return switch (failure) {
            case MigrationException.BadTargets e -> USAGE;
            case MigrationException.NoExport e -> HUB_REPOSITORY;
            case MigrationException.RoadDown e -> TUNNEL;
            case MigrationException.DiskRefused e -> SOURCE_REFUSED;
            case MigrationException.VmBusy e -> LOCKED;
            case MigrationException.DisksFailed e -> Console.codeOf(e.first());
            case MigrationException.SnapshotLeft e -> Console.codeOf(e.first());
            case MigrationException.DeadlinePassed e -> DEADLINE;
            case MigrationException.Interrupted e -> INTERRUPTED;
        };
    }

    private static ExitCode ofSilence(Wait wait) {
        return switch (wait) {
            case RESOLVE, CONNECT -> NBD_UNREACHABLE;
            case GREETING -> NBD_NO_GREETING;
            case TLS -> NBD_TLS;
            case OPTIONS, META_CONTEXT, EXPORT, BLOCK_STATUS, READ, WRITE, ZERO, TRIM, FLUSH, DISCONNECT -> NBD_SILENT;
        };
    }
}
