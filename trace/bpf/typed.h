// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The same programs for kernels that describe their types (BTF): they look at the
// kernel's own structures, and no record is written before them. The places of fields are
// those of the kernel at hand, put in as the programs are loaded. One whose tracepoints
// have other arguments refuses them, and gets the plain ones.

#define OF_KERNEL __attribute__((preserve_access_index))

struct thread_info {
	u32 cpu;
} OF_KERNEL;

struct task_struct {
	struct thread_info thread_info;
	int pid; // of the thread
	int tgid;
	char comm[16];
} OF_KERNEL;

// The arguments: of sched_switch since Linux 6.0.
struct switch_args {
	u64 preempt;
	struct task_struct *prev, *next;
	u64 prev_state;
};

SEC("tp_btf/sched_switch")
int typed_switch(struct switch_args *a)
{
	struct task_struct *prev = a->prev, *next = a->next;
	const u64 *comm = (const u64 *)next->comm;
	struct turn t = {
		.prev = prev->pid, .prev_process = prev->tgid, .next = next->pid, .next_process = next->tgid,
		.prev_state = a->preempt & 1 ? 0 : a->prev_state & 0xff, .next_comm = {comm[0], comm[1]},
	};
	switched(&t);
	return 0;
}

struct wakeup_args {
	struct task_struct *task;
};

SEC("tp_btf/sched_waking")
int typed_waking(struct wakeup_args *a)
{
	struct watch *watch = get_watch();
	u32 number = watch ? find(watch->thread, a->task->pid) : 0;
	if (number)
		thread_wakes(number, a->task->thread_info.cpu);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int typed_wakeup(struct wakeup_args *a)
{
	struct watch *watch = get_watch();
	if (!watch)
		return 0;
	u32 number = find(watch->thread, a->task->pid);
	if (number)
		thread_wakes(number, a->task->thread_info.cpu);
	else if (any_busy() && find(watch->process, a->task->tgid))
		helper_wakes(a->task->pid);
	return 0;
}

SEC("tp_btf/irq_handler_entry")
int typed_hard_entry(void *a)
{
	hard_began();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int typed_hard_exit(void *a)
{
	hard_ended();
	return 0;
}

SEC("tp_btf/softirq_entry")
int typed_soft_entry(void *a)
{
	soft_began();
	return 0;
}

SEC("tp_btf/softirq_exit")
int typed_soft_exit(void *a)
{
	soft_ended();
	return 0;
}

struct frequency_args {
	u64 khz, cpu;
};

SEC("tp_btf/cpu_frequency")
int typed_frequency(struct frequency_args *a)
{
	clock_changed(a->cpu, a->khz);
	return 0;
}
