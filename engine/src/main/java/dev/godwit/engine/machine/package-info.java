/** Machines in this process: what the engine asks of them. */
package dev.godwit.engine.machine;
