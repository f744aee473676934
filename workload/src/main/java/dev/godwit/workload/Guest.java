package dev.godwit.workload;

/**
 * What a machine runs: replaced as a whole, while its vCPUs are stopped.
 *
 * @param program which page is written when, and how far it is
 * @param versions what the pages hold
 */
record Guest(Program program, PageVersions versions) {}
