// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Adds up where the time of each inference goes. See docs/trace.md for the whole.
//
// Who writes what, so that no lock is needed: all that happens to a worker's thread is
// in order (the kernel's own locks see to that), and only such events write its parts.
// The request's program, which runs beside them on another CPU, hands over one word,
// the mark; the reply's runs in the thread itself and looks at `events` to see whether
// one came in between. A job whose parts don't add up all the same is counted as lost.
#include "kernel.h"

char _license[] SEC("license") = "Dual BSD/GPL"; // ktime is for such only, before Linux 5.8

#define WORKERS 8
#define SLOTS 64       // pairs of a worker and a variant
#define SLOWEST 16     // of each worker
#define HOLDERS 4
#define HELPER_CPUS 8  // on which helpers that run at the reply are looked for
#define BUCKETS 64
#define NO_CPU 0xffffffff
#define NO_CLOCK ~0ULL

// As trace.Part.
enum part { ON_CPU, RUN_QUEUE, PREEMPTED, BLOCKED, STOPPED, HARD_IRQ, SOFT_IRQ, REPLY, PARTS };

// As the fields of trace.Counts.
enum count { MINOR_FAULTS, MAJOR_FAULTS, PREEMPTIONS, MIGRATIONS, FREQ_CHANGES, HARD_IRQS, SOFT_IRQS, COUNTS };

struct task {
	u64 comm[2];
	u32 pid;
	u32 pad;
};

struct holder {
	struct task task;
	u64 ns;
};

// Times are of CLOCK_MONOTONIC, in nanoseconds.
struct job {
	u64 asked;   // by the caller
	u64 marked;  // the request came
	u64 replied; // 0: no such job
	u64 ended;   // the caller had the answer
	u64 parts[PARTS];
	u64 counts[COUNTS];
	u64 min_khz;
	u64 helpers_on_cpu;
	u64 helpers_waiting;
	u32 slot;
	u32 model; // as in the messages
	u64 bad; // an event is missing
	struct holder holders[HOLDERS]; // last, as most jobs have none; if any, the first
};

struct worker {
	u64 mark; // when the request at hand came; 0: none
	u64 since; // the thread is in its state
	u64 stolen; // by interrupts, of the time since then
	u32 state; // a part
	u32 events;
	u32 cpu; // that it ran on last
	u32 wait_cpu; // that it waits for, or NO_CPU
	u64 lost;
	u64 least; // of slowest
	u64 fastest; // which that is
	struct job job; // at hand, and after its reply until its end is known
	u64 slowest[SLOWEST]; // wall times of the slowest jobs
};

struct cpu {
	u64 since; // its task runs
	struct task task;
	u32 worker;  // whose thread it runs, from 1; 0: none
	u32 helper;  // whose helper it runs, likewise
	u32 waiting; // whose thread waits for it, likewise
	u32 khz;
	u64 hard_since; // it serves an interrupt, while it runs a worker's thread; 0: it doesn't
	u64 soft_since;
	u64 soft_hard; // hard interrupts within the soft one
	u64 pad[5]; // to two cache lines
};

// Which tasks are watched: every program looks here first.
struct watch {
	u32 thread[WORKERS];
	u32 process[WORKERS];
	u32 target_cpu; // where the target is in the records of waking, in bytes
	u32 pad;
};

struct total {
	u64 jobs;
	u64 wall;
	u64 max;
	u64 parts[PARTS];
	u64 counts[COUNTS];
	u64 helpers_on_cpu;
	u64 helpers_waiting;
	u64 khz; // sum of the lowest clocks of those jobs that know it
	u64 khz_jobs;
	u64 walls[BUCKETS];
};

// Which workers have a job at hand. It saves looking for helpers while none has.
struct busy {
	u8 worker[WORKERS];
};

struct helper {
	u64 waits_since; // for a CPU; 0: it doesn't
	u32 worker;
	u32 pad;
};

struct preemptor {
	u64 ns;
	u64 jobs;
};

#define MAP(NAME, TYPE, KEY, VALUE, ENTRIES) \
	struct {                             \
		__uint(type, TYPE);          \
		__uint(max_entries, ENTRIES); \
		__type(key, KEY);            \
		__type(value, VALUE);        \
	} NAME SEC(".maps")

MAP(watched, MAP_ARRAY, u32, struct watch, 1);
MAP(cpus, MAP_ARRAY, u32, struct cpu, 1); // as many as there are, see Go
MAP(workers, MAP_ARRAY, u32, struct worker, WORKERS);
MAP(busy, MAP_ARRAY, u32, struct busy, 1);
MAP(totals, MAP_ARRAY, u32, struct total, SLOTS);
MAP(slowest, MAP_ARRAY, u32, struct job, WORKERS *SLOWEST);
MAP(helpers, MAP_LRU_HASH, u32, struct helper, 1024);
MAP(preemptors, MAP_LRU_HASH, struct task, struct preemptor, 1024);

#define UNROLL _Pragma("clang loop unroll(full)")

// Keeps the compiler from moving memory accesses across it.
#define barrier() asm volatile("" ::: "memory")

// Keeps the compiler from making a way of its own for each value of a variable, all of
// which the verifier would follow.
#define opaque(variable) asm volatile("" : "+r"(variable))

INLINE struct watch *get_watch(void)
{
	u32 zero = 0;
	return map_lookup(&watched, &zero);
}

INLINE struct busy *get_busy(void)
{
	u32 zero = 0;
	return map_lookup(&busy, &zero);
}

INLINE int any_busy(void)
{
	struct busy *b = get_busy();
	return b && *(u64 *)b;
}

INLINE struct cpu *get_cpu(u32 cpu)
{
	return map_lookup(&cpus, &cpu);
}

INLINE struct worker *get_worker(u32 number)
{
	u32 key = number - 1;
	return map_lookup(&workers, &key);
}

// The number of the worker whose task this is, from 1; 0: none. Without branches, of which
// the verifier would follow each way.
INLINE u32 find(const u32 *ids, u32 id)
{
	u64 found = 0;
	UNROLL for (u64 i = 0; i < WORKERS; i++) {
		u64 same = ((u64)(ids[i] ^ id) - 1) >> 63; // 1 or 0
		opaque(same);
		found += same * (i + 1);
	}
	opaque(found);
	return id ? found : 0;
}

// How long of the time from since to now lies behind the mark.
INLINE u64 behind(u64 mark, u64 since, u64 now)
{
	u64 from = since > mark ? since : mark;
	return mark && now > from ? now - from : 0;
}

// The thread enters a state.
INLINE void enter(struct worker *w, u32 state, u64 now)
{
	u64 ns = behind(w->mark, w->since, now);
	if (w->state == ON_CPU)
		ns -= w->stolen < ns ? w->stolen : ns;
	if (ns) // else there is no job at hand: the next request may be clearing this one
		w->job.parts[w->state % PARTS] += ns;
	w->stolen = 0;
	w->since = now;
	w->events++;
	w->state = state;
}

// The task that runs on a CPU held up a worker's thread until now.
INLINE void charge(const struct cpu *c, struct worker *w, u64 now)
{
	u64 since = c->since > w->since ? c->since : w->since;
	u64 ns = behind(w->mark, since, now);
	if (!ns || !c->task.pid || (w->state != RUN_QUEUE && w->state != PREEMPTED))
		return;
	struct holder *least = &w->job.holders[0];
	UNROLL for (int i = 0; i < HOLDERS; i++) {
		struct holder *h = &w->job.holders[i];
		if (h->task.pid == c->task.pid && h->ns) {
			h->ns += ns;
			return;
		}
		if (h->ns < least->ns)
			least = h;
	}
	if (ns > least->ns) { // all are empty at first: the first is taken first
		least->task = c->task;
		least->ns = ns;
	}
}

INLINE void see_clock(const struct cpu *c, struct worker *w)
{
	if (w->mark && c->khz && c->khz < w->job.min_khz)
		w->job.min_khz = c->khz;
}

INLINE void wait_for(struct worker *w, u32 number, u32 cpu)
{
	struct cpu *c;
	if (w->wait_cpu != cpu && w->wait_cpu != NO_CPU && (c = get_cpu(w->wait_cpu)) && c->waiting == number)
		c->waiting = 0;
	w->wait_cpu = cpu;
	if (cpu != NO_CPU && (c = get_cpu(cpu)))
		c->waiting = number;
}

INLINE void thread_leaves(struct cpu *c, u32 number, u32 cpu, u64 prev_state, u64 now)
{
	struct worker *w = get_worker(number);
	if (!w)
		return;
	// Bits of TASK_REPORT: none is runnable, which 0x100 (before Linux 4.20 also others
	// above 0xff) says of one that did not ask for it; 4 and 8 are stopped and traced.
	if (w->mark && w->state != ON_CPU)
		w->job.bad = 1;
	u32 state = !(prev_state & 0xff) ? PREEMPTED : prev_state & 0xc ? STOPPED : BLOCKED;
	enter(w, state, now);
	if (state != PREEMPTED)
		return;
	if (w->mark)
		w->job.counts[PREEMPTIONS]++;
	wait_for(w, number, cpu);
}

INLINE void thread_enters(struct cpu *c, u32 number, u32 cpu, u64 now)
{
	struct worker *w = get_worker(number);
	if (!w)
		return;
	if (w->mark && w->state == ON_CPU)
		w->job.bad = 1;
	if (w->wait_cpu != cpu && w->wait_cpu != NO_CPU) { // pulled over here
		struct cpu *from = get_cpu(w->wait_cpu);
		if (from)
			charge(from, w, now);
	}
	wait_for(w, number, NO_CPU);
	enter(w, ON_CPU, now);
	if (w->mark && w->cpu != cpu)
		w->job.counts[MIGRATIONS]++;
	w->cpu = cpu;
	see_clock(c, w);
	c->hard_since = c->soft_since = 0;
}

INLINE void helper_leaves(struct cpu *c, u32 number, u64 prev_state, u64 now)
{
	u32 tid = c->task.pid;
	struct worker *w = get_worker(number);
	if (!w)
		return;
	u64 ns = behind(w->mark, c->since, now);
	if (ns)
		w->job.helpers_on_cpu += ns;
	u64 waits_since = prev_state & 0xff ? 0 : now;
	struct helper *h = map_lookup(&helpers, &tid);
	if (h && h->worker == number) {
		h->waits_since = waits_since;
		return;
	}
	struct helper fresh = {.waits_since = waits_since, .worker = number};
	map_update(&helpers, &tid, &fresh, 0);
}

INLINE u32 helper_enters(u32 tid, u64 now)
{
	struct helper *h = map_lookup(&helpers, &tid);
	if (!h)
		return 0;
	struct worker *w = get_worker(h->worker);
	u64 ns = w && h->waits_since ? behind(w->mark, h->waits_since, now) : 0;
	if (ns)
		w->job.helpers_waiting += ns;
	h->waits_since = 0;
	return h->worker;
}

// A switch of a CPU from one task to another.
struct turn {
	u32 prev, prev_process;
	u32 next, next_process; // UNKNOWN where only a look into the hash tells
	u64 prev_state;
	u64 next_comm[2];
};

#define UNKNOWN 0xffffffff

INLINE void switched(const struct turn *t)
{
	u32 cpu = this_cpu();
	struct cpu *c = get_cpu(cpu);
	struct watch *watch = get_watch();
	if (!c || !watch)
		return;
	int jobs = any_busy();
	u32 leaving = find(watch->thread, t->prev);
	u32 entering = find(watch->thread, t->next);
	u32 helper_leaving = jobs ? find(watch->process, t->prev_process) : 0;
	u32 helper_entering = jobs && t->next_process != UNKNOWN ? find(watch->process, t->next_process) : jobs;
	opaque(leaving);
	opaque(entering);
	opaque(helper_leaving);
	opaque(helper_entering);
	// Else nobody will ask when the next task began: who waits from now on asks since then.
	if (c->waiting | leaving | entering | helper_leaving | helper_entering) {
		u64 now = ktime();
		if (c->waiting && t->prev) {
			struct worker *w = get_worker(c->waiting);
			if (w)
				charge(c, w, now);
		}
		if (leaving) {
			thread_leaves(c, leaving, cpu, t->prev_state, now);
		} else if (helper_leaving && t->prev) {
			c->task.pid = t->prev; // unknown at the first event of a CPU
			helper_leaves(c, helper_leaving, t->prev_state, now);
		}
		c->helper = 0;
		if (entering)
			thread_enters(c, entering, cpu, now);
		else if (helper_entering && t->next)
			c->helper = helper_enters(t->next, now);
		c->since = now;
	} else {
		c->helper = 0;
	}
	c->worker = entering;
	c->task.comm[0] = t->next_comm[0];
	c->task.comm[1] = t->next_comm[1];
	c->task.pid = t->next;
}

INLINE void thread_wakes(u32 number, u32 target)
{
	struct worker *w = get_worker(number);
	if (!w || w->state == ON_CPU || w->state == PREEMPTED)
		return;
	if (w->state != RUN_QUEUE)
		enter(w, RUN_QUEUE, ktime());
	wait_for(w, number, target);
}

INLINE void helper_wakes(u32 tid)
{
	struct helper *h = map_lookup(&helpers, &tid);
	if (h)
		h->waits_since = ktime();
}

// The CPU at hand, if it runs a worker's thread.
INLINE struct cpu *busy_cpu(void)
{
	struct cpu *c = get_cpu(this_cpu());
	return c && c->worker ? c : 0;
}

INLINE void interrupted(struct cpu *c, u32 part, u32 count, u64 since, u64 now, u64 within)
{
	struct worker *w = get_worker(c->worker);
	if (!w || !w->mark)
		return;
	u64 ns = behind(w->mark, since, now);
	ns -= within < ns ? within : ns;
	w->job.parts[part] += ns;
	w->job.counts[count]++;
	w->stolen += ns;
	w->events++;
}

INLINE void hard_began(void)
{
	struct cpu *c = busy_cpu();
	if (c)
		c->hard_since = ktime();
}

INLINE void hard_ended(void)
{
	struct cpu *c = busy_cpu();
	if (!c || !c->hard_since)
		return;
	u64 now = ktime();
	interrupted(c, HARD_IRQ, HARD_IRQS, c->hard_since, now, 0);
	c->soft_hard += now - c->hard_since;
	c->hard_since = 0;
}

INLINE void soft_began(void)
{
	struct cpu *c = busy_cpu();
	if (!c)
		return;
	c->soft_hard = 0;
	c->soft_since = ktime();
}

INLINE void soft_ended(void)
{
	struct cpu *c = busy_cpu();
	if (!c || !c->soft_since)
		return;
	interrupted(c, SOFT_IRQ, SOFT_IRQS, c->soft_since, ktime(), c->soft_hard);
	c->soft_since = 0;
}

INLINE void clock_changed(u32 cpu, u32 khz)
{
	struct cpu *c = get_cpu(cpu);
	if (!c)
		return;
	c->khz = khz;
	struct worker *w = c->worker ? get_worker(c->worker) : 0;
	if (!w || !w->mark)
		return;
	__sync_fetch_and_add(&w->job.counts[FREQ_CHANGES], 1);
	see_clock(c, w);
}

#include "plain.h"
#include "typed.h"

INLINE void fault(u32 count)
{
	struct watch *watch = get_watch();
	u32 number = watch ? find(watch->process, current_pid_tgid() >> 32) : 0;
	struct worker *w = number ? get_worker(number) : 0;
	if (w && w->mark)
		__sync_fetch_and_add(&w->job.counts[count], 1);
}

SEC("perf_event")
int on_minor_fault(void *e)
{
	fault(MINOR_FAULTS);
	return 0;
}

SEC("perf_event")
int on_major_fault(void *e)
{
	fault(MAJOR_FAULTS);
	return 0;
}

// The messages of atoll/engine/internal/wire.
struct header {
	u8 op, status, pad[2];
	u32 seq;
	u32 model;
	u32 pad2;
};

struct request {
	struct header header;
	u64 arg;
	u64 asked;
	u64 ended; // the job before; 0: it failed, or there was none
	u32 worker; // its number, from 0
	u32 slot;
};

#define RUN 3
#define KEEP_ALL -1

// The rounded-down logarithm to base 2.
INLINE u32 log2(u64 x)
{
	u32 n = 0;
	UNROLL for (int i = 5; i >= 0; i--)
		if (x >> (1 << i)) {
			x >>= 1 << i;
			n += 1 << i;
		}
	return n;
}

INLINE void keep_slow(struct worker *w, u32 number, u64 wall)
{
	if (wall <= w->least)
		return;
	u32 place = w->fastest % SLOWEST, key = number * SLOWEST + place;
	struct job *j = map_lookup(&slowest, &key);
	if (!j)
		return;
	*j = w->job;
	w->slowest[place] = wall;
	w->least = wall;
	UNROLL for (int i = 0; i < SLOWEST; i++)
		if (w->slowest[i] < w->least) {
			w->least = w->slowest[i];
			w->fastest = i;
		}
}

INLINE void count_holder(const struct holder *h)
{
	if (!h->ns)
		return;
	struct task task = h->task;
	struct preemptor *p = map_lookup(&preemptors, &task);
	if (p) {
		__sync_fetch_and_add(&p->ns, h->ns);
		__sync_fetch_and_add(&p->jobs, 1);
		return;
	}
	struct preemptor first = {.ns = h->ns, .jobs = 1};
	map_update(&preemptors, &task, &first, 0);
}

// The caller had the last answer at this time: all of that job is known.
INLINE void finish(struct worker *w, u32 number, u64 ended)
{
	struct job *j = &w->job;
	u32 slot = j->slot; // keys lie on the stack, for kernels before 4.18
	struct total *t = map_lookup(&totals, &slot);
	if (!t)
		return;
	u64 sum = 0, wall = ended - j->asked;
	j->ended = ended;
	if (j->marked > j->asked) // asleep until the caller had sent it
		j->parts[BLOCKED] += j->marked - j->asked;
	j->parts[REPLY] = ended > j->replied ? ended - j->replied : 0;
	UNROLL for (int i = 0; i < PARTS; i++)
		sum += j->parts[i];
	u64 off = sum > wall ? sum - wall : wall - sum;
	if (j->bad || off * 50 > wall) { // more than 2 %
		w->lost++;
		return;
	}
	t->jobs++;
	t->wall += wall;
	if (wall > t->max)
		t->max = wall;
	UNROLL for (int i = 0; i < PARTS; i++)
		t->parts[i] += j->parts[i];
	u64 any = 0;
	UNROLL for (int i = 0; i < COUNTS; i++)
		any |= j->counts[i];
	if (any) {
		UNROLL for (int i = 0; i < COUNTS; i++)
			t->counts[i] += j->counts[i];
	}
	t->helpers_on_cpu += j->helpers_on_cpu;
	t->helpers_waiting += j->helpers_waiting;
	if (j->min_khz != NO_CLOCK) {
		t->khz += j->min_khz;
		t->khz_jobs++;
	}
	t->walls[log2(wall) % BUCKETS]++;
	if (j->holders[0].ns) {
		UNROLL for (int i = 0; i < HOLDERS; i++)
			count_holder(&j->holders[i]);
	}
	keep_slow(w, number, wall);
}

INLINE void clear(struct job *j)
{
	__builtin_memset(j, 0, __builtin_offsetof(struct job, holders));
	if (j->holders[0].ns)
		__builtin_memset(j->holders, 0, sizeof j->holders);
}

// On the worker's end of the socket, in the thread of the parent that sends to it.
SEC("socket")
int on_request(void *skb)
{
	struct request r;
	if (skb_load(skb, 0, &r, sizeof r) || r.header.op != RUN || !r.asked)
		return KEEP_ALL;
	u32 key = r.worker;
	struct worker *w = map_lookup(&workers, &key);
	struct busy *b = get_busy();
	if (!w || !b)
		return KEEP_ALL;
	if (w->mark) { // its reply came while nobody knew that the thread ran
		w->mark = 0;
		if (r.ended)
			w->lost++;
	} else if (w->job.replied && r.ended) {
		finish(w, key, r.ended);
	}
	clear(&w->job);
	w->job.asked = r.asked;
	w->job.slot = r.slot;
	w->job.model = r.header.model;
	w->job.min_khz = NO_CLOCK;
	b->worker[key % WORKERS] = 1;
	barrier();
	u64 now = ktime();
	w->job.marked = now;
	w->mark = now;
	return KEEP_ALL;
}

// On the parent's end of the socket, in the worker's thread.
SEC("socket")
int on_reply(void *skb)
{
	struct header h;
	if (skb_load(skb, 0, &h, sizeof h) || h.op != RUN)
		return KEEP_ALL;
	struct cpu *here = get_cpu(this_cpu());
	u32 number = here ? here->worker : 0;
	struct worker *w = number ? get_worker(number) : 0;
	struct busy *b = get_busy();
	if (!w || !b || !w->mark || w->job.model != h.model)
		return KEEP_ALL;

	see_clock(here, w); // where it ran all along, it did not enter
	u64 mark = w->mark;
	u32 events = w->events;
	barrier();
	u64 now = ktime(), since = w->since, stolen = w->stolen;
	w->mark = 0;
	barrier();
	if (w->events != events) { // came in between; from now on none adds to the job
		events = w->events;
		barrier();
		now = ktime();
		since = w->since;
		stolen = w->stolen;
		barrier();
		if (w->events != events)
			w->job.bad = 1;
	}
	u64 ns = behind(mark, since, now);
	w->job.parts[ON_CPU] += ns - (stolen < ns ? stolen : ns);
	w->job.bad |= w->state != ON_CPU;
	w->stolen = 0; // of this job: the next may begin before the thread sleeps
	UNROLL for (u32 i = 0; i < HELPER_CPUS; i++) {
		struct cpu *c = get_cpu(i);
		if (c && c->helper == number)
			w->job.helpers_on_cpu += behind(mark, c->since, now);
	}
	if (h.status == 0)
		w->job.replied = now;
	b->worker[(number - 1) % WORKERS] = 0;
	return KEEP_ALL;
}
