// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Programs of plain tracepoints, which any kernel since Linux 4.14 has. Before each the
// kernel writes a record of the event.

struct switch_event {
	u64 common;
	u64 prev_comm[2];
	u32 prev_pid;
	u32 prev_prio;
	u64 prev_state;
	u64 next_comm[2];
	u32 next_pid;
	u32 next_prio;
};

SEC("tracepoint/sched/sched_switch")
int on_switch(struct switch_event *e)
{
	struct turn t = {
		.prev = e->prev_pid, .prev_process = current_pid_tgid() >> 32, .prev_state = e->prev_state,
		.next = e->next_pid, .next_process = UNKNOWN,
		.next_comm = {e->next_comm[0], e->next_comm[1]},
	};
	switched(&t);
	return 0;
}

struct wakeup_event {
	u64 common;
	u64 comm[2];
	u32 pid;
	// Then prio, success (before Linux 5.14) and target_cpu.
};

// The end of the record depends on the kernel, which refuses programs that look behind it.
INLINE u32 target_of(const struct wakeup_event *e, const struct watch *watch)
{
	u32 cpu = NO_CPU;
	if (watch->target_cpu == 32)
		probe_read(&cpu, sizeof cpu, (const char *)e + 32);
	else if (watch->target_cpu == 36)
		probe_read(&cpu, sizeof cpu, (const char *)e + 36);
	return cpu;
}

// Both are needed. waking comes before the kernel looks for a CPU and interrupts it,
// which is part of the wait, but may also come before the thread has gone to sleep.
SEC("tracepoint/sched/sched_waking")
int on_waking(struct wakeup_event *e)
{
	struct watch *watch = get_watch();
	u32 number = watch ? find(watch->thread, e->pid) : 0;
	if (number)
		thread_wakes(number, target_of(e, watch));
	return 0;
}

SEC("tracepoint/sched/sched_wakeup")
int on_wakeup(struct wakeup_event *e)
{
	struct watch *watch = get_watch();
	u32 number = watch ? find(watch->thread, e->pid) : 0;
	if (number)
		thread_wakes(number, target_of(e, watch));
	else if (any_busy())
		helper_wakes(e->pid);
	return 0;
}

SEC("tracepoint/irq/irq_handler_entry")
int on_hard_entry(void *e)
{
	hard_began();
	return 0;
}

SEC("tracepoint/irq/irq_handler_exit")
int on_hard_exit(void *e)
{
	hard_ended();
	return 0;
}

SEC("tracepoint/irq/softirq_entry")
int on_soft_entry(void *e)
{
	soft_began();
	return 0;
}

SEC("tracepoint/irq/softirq_exit")
int on_soft_exit(void *e)
{
	soft_ended();
	return 0;
}

struct frequency_event {
	u64 common;
	u32 khz;
	u32 cpu;
};

SEC("tracepoint/power/cpu_frequency")
int on_frequency(struct frequency_event *e)
{
	clock_changed(e->cpu, e->khz);
	return 0;
}
