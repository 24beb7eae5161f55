// Package trace says where the time of every inference went: computing, waiting for a
// CPU and who held it, asleep, stopped, in interrupts. The kernel's own events are
// added up in the kernel by eBPF; without the rights for that, the same numbers come
// coarser from /proc.
package trace
