/** Snapshots of a running machine by write protection: the state of one instant, written while the guest runs on. */
package dev.godwit.engine.background;
