/** Linux' KVM on x86-64: its device, virtual machines, vCPUs and dirty logs, for the kvm room alone. */
@NullMarked
package dev.godwit.linux.kvm;

import org.jspecify.annotations.NullMarked;
