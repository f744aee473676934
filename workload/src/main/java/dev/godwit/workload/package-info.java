/**
 * A machine whose vCPUs are threads and whose program is arithmetic: which page a vCPU writes at a step, how often each
 * page was written before, and what it must hold, all follow from a seed and the number of steps.
 */
package dev.godwit.workload;
