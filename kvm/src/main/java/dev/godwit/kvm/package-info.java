/** The KVM machine. */
@NullMarked
package dev.godwit.kvm;

import org.jspecify.annotations.NullMarked;
