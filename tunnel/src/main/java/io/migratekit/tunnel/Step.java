package io.migratekit.tunnel;

/** How far has a link got? Every wait on the way to the hub, and what silence there usually means. */
public enum Step {
    RESOLVE("address lookup", "the name server does not answer; try the numeric address"),
    CONNECT("connection", "the host is down, or a firewall drops the packets"),
    GREETING(
            "SSH greeting",
            "sshd is frozen or has no free place for new sessions (MaxStartups), or a firewall lets the connection"
                    + " through and nothing else"),
    KEY_EXCHANGE("key exchange", "sshd is frozen, or large packets do not get through (MTU)"),
    AUTHENTICATION("authentication", "sshd is frozen or asks a slow directory, or the ssh-agent does not answer"),
    FORWARD("answer to a forward", "sshd is frozen, or the hub's port drops the packets");

    private final String title;
    private final String usualCause;

    Step(String title, String usualCause) {
        this.title = title;
        this.usualCause = usualCause;
    }

    /** How the wait is called in a sentence. */
    public String title() {
        return title;
    }

    /** What silence at this step usually comes from. */
    public String usualCause() {
        return usualCause;
    }
}
