/**
 * A migration of a machine in this process: its states, settings, statistics, and the door by which it is controlled.
 */
package dev.godwit.engine.migration;
