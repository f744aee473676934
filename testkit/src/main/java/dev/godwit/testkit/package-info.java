/** See the module's description. */
package dev.godwit.testkit;
