package io.migratekit.agent.copy;

import java.nio.file.Path;

/**
 * What does the source have to read as? A hash file that covers all of the disk; what reads otherwise does not count as copied.
 *
 * @param salvage what reads otherwise is copied nevertheless, what cannot be read becomes zeroes, and both are warned of
 */
public record SourceProof(Path hashes, boolean salvage) {}
