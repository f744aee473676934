/** Machines of ours that are run, controlled and migrated: what is behind {@code godwit run}. */
package dev.godwit.operations.machine;
