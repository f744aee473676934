package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MigrationReport;

/**
 * One migration of {@link ComparePolicies}.
 *
 * @param policy its name
 * @param report how it went; not completed where the guest wrote faster than could be sent, until time was up
 * @param soundAtDestination whether every page was at the destination what the guest had written; false where it is not
 *     there
 */
public record PolicyRun(String policy, MigrationReport report, boolean soundAtDestination) {}
