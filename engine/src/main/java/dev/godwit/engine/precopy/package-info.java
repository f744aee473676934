/** Precopy of a machine's RAM while its guest runs: the lap, the rules that steer it, and the ports of the formats. */
package dev.godwit.engine.precopy;
