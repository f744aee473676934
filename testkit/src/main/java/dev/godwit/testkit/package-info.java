/** What tests stand on: the real peers, found or skipped by name, and processes and guests to run against. */
@org.jspecify.annotations.NullMarked
package dev.godwit.testkit;
