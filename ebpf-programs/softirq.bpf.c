// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Softirqs: how long each waited from raise to entry and ran from entry to exit, per vector; the slow ones as events.
#include "event.h"
#include "hook.h"

#define VECTORS 10 /* include/linux/interrupt.h: HI to RCU */
#define MAX_CPUS 8192

enum phase {
	PHASE_WAIT, /* raise to entry */
	PHASE_RUN, /* entry to exit */
};

struct softirq_settings {
	__u64 since; /* earlier raises are void: their vector was not watched from then to now */
	__u64 slow; /* ns above which there is an event */
	__u64 least; /* the smaller of slow and LEGACY_SLOW: below nothing but the histogram needs a look */
	__u32 vectors; /* bit per vector */
	__u32 burst; /* events per second, vector, phase and CPU; 0: no events */
	__u32 first_ksoftirqd; /* thread ids: a cheap first test of sched_switch */
	__u32 last_ksoftirqd;
};

struct softirq_times {
	struct histogram histogram;
	__u64 slow;
	__u64 slower;
	struct limiter limiter;
};

struct softirq_vector {
	__u64 raised; /* first raise since the last entry; 0: none */
	__u64 raiser; /* struct task_struct *, good as long as it still has the thread id of raiser_id */
	__u64 raiser_id;
	__u64 entered; /* 0: not running, or not watched when it began */
	__u64 late; /* when the running one has run for so long that exit needs a look at the settings */
	struct softirq_times wait;
	struct softirq_times run;
};

/* A thread that had the CPU. Mirrored by SoftirqTask in C#. */
struct softirq_task {
	__u32 pid;
	__u32 tid;
	char comm[16];
};

/*
 * All that one CPU needs, so that every program looks up one element and no other CPU ever writes to it.
 *
 * Nothing here needs an atomic instruction. Entry and exit of one CPU never interrupt each other: softirqs do not nest,
 * and they alone write histograms and counters. A raise may interrupt them (hard interrupts are on), but writes only
 * the three raise fields, and those only while `raised` is unset or void; entry reads `raised` once and clears it
 * after. A raise in between finds it set and keeps away, and one later than the entry's own clock reading is left for
 * the next entry. Raises of one CPU have interrupts off.
 */
struct softirq_cpu {
	__u64 switched; /* when ksoftirqd got the CPU */
	struct softirq_task before; /* from whom */
	struct softirq_vector vectors[VECTORS];
};

struct softirq_event {
	struct event_head head;
	__u64 duration;
	__u32 cpu;
	__u8 vector;
	__u8 phase;
	__u8 pad[2];
	struct softirq_task raiser; /* no comm: gone since. tid 0 with comm: the idle task or an interrupt of it */
	struct softirq_task before; /* had the CPU until ksoftirqd got it after the raise; no comm: nobody known */
};

SETTINGS(struct softirq_settings)
EVENT(softirq_event)
PER_CPU(softirq, struct softirq_cpu, this_cpu)
/* Thread id of every CPU's ksoftirqd; user space finds them, and sets how many there are. */
MAP(ksoftirqd, BPF_MAP_TYPE_ARRAY, MAX_CPUS, __u32, __u32);

static __always_inline struct softirq_settings *watched(__u32 nr)
{
	struct softirq_settings *config = get_settings();

	if (!config || nr >= VECTORS || !(config->vectors & (1U << nr)))
		return NULL;
	return config;
}

/* What is over: a wait with its raiser, or a run. */
struct span {
	__u64 from;
	__u64 now;
	__u64 raiser;
	__u64 raiser_id;
	__u32 nr;
	enum phase phase;
};

static __always_inline void fill_raiser(struct softirq_task *raiser, const struct span *span)
{
	struct task_struct *task = (struct task_struct *)span->raiser;

	raiser->pid = span->raiser_id >> 32;
	raiser->tid = (__u32)span->raiser_id;
	/* Its memory may be another thread's by now. */
	if (task && (__u32)BPF_CORE_READ(task, pid) == raiser->tid)
		BPF_CORE_READ_INTO(&raiser->comm, task, comm);
}

static __always_inline void report(void *ctx, const struct softirq_cpu *cpu, const struct span *span)
{
	struct softirq_event *event = begin_event(span->now, 0, 0, true);

	if (!event)
		return;
	event->duration = span->now - span->from;
	event->cpu = bpf_get_smp_processor_id();
	event->vector = span->nr;
	event->phase = span->phase;
	if (span->phase == PHASE_WAIT) {
		fill_raiser(&event->raiser, span);
		/* A ksoftirqd that had the CPU at the raise already was not kept from it. */
		if (cpu->switched > span->from)
			event->before = cpu->before;
	}
	end_event(ctx, event, sizeof(*event));
}

/* What took longer than `least`. */
static __always_inline void slow(void *ctx, const struct softirq_settings *config, const struct softirq_cpu *cpu,
				 struct softirq_times *times, const struct span *span)
{
	__u64 ns = span->now - span->from;

	if (ns > LEGACY_SLOW)
		times->slow++;
	if (ns > LEGACY_SLOWER)
		times->slower++;
	if (ns > config->slow && config->burst && admit(&times->limiter, span->now, config->burst))
		report(ctx, cpu, span);
}

static __always_inline void raised(struct softirq_vector *v, __u64 since)
{
	if (v->raised > since)
		return;
	v->raiser = bpf_get_current_task();
	v->raiser_id = bpf_get_current_pid_tgid();
	v->raised = bpf_ktime_get_ns();
}

static __always_inline void entered(void *ctx, const struct softirq_settings *config, struct softirq_cpu *cpu, __u32 nr)
{
	struct softirq_vector *v = &cpu->vectors[nr];
	struct span span = { .nr = nr, .phase = PHASE_WAIT };

	span.now = bpf_ktime_get_ns();
	v->entered = span.now;
	v->late = span.now + config->least;
	span.from = v->raised;
	/* None was seen; or an interrupt raised it for the next time since we looked at the clock. */
	if (!span.from || span.from > span.now)
		return;
	span.raiser = v->raiser;
	span.raiser_id = v->raiser_id;
	v->raised = 0;
	if (span.from <= config->since)
		return;
	histogram_add(&v->wait.histogram, span.now - span.from);
	if (span.now - span.from > config->least)
		slow(ctx, config, cpu, &v->wait, &span);
}

/* Nearly all are not late: entry has looked at the settings already. */
static __always_inline void left(void *ctx, struct softirq_cpu *cpu, __u32 nr)
{
	struct softirq_vector *v = &cpu->vectors[nr];
	struct span span = { .nr = nr, .phase = PHASE_RUN, .from = v->entered };
	struct softirq_settings *config;

	if (!span.from)
		return;
	v->entered = 0;
	span.now = bpf_ktime_get_ns();
	histogram_add(&v->run.histogram, span.now - span.from);
	if (span.now <= v->late)
		return;
	config = watched(nr);
	if (config)
		slow(ctx, config, cpu, &v->run, &span);
}

/* Of the thread that gets the CPU; all but those to a ksoftirqd end at two comparisons. */
static __always_inline bool is_ksoftirqd(__u32 thread)
{
	struct softirq_settings *config = get_settings();
	__u32 cpu, *own;

	if (!config || thread < config->first_ksoftirqd || thread > config->last_ksoftirqd)
		return false;
	cpu = bpf_get_smp_processor_id();
	own = bpf_map_lookup_elem(&ksoftirqd, &cpu);
	return own && *own == thread;
}

/* Runs at every switch. */
static __always_inline void switched(struct task_struct *prev, __u32 next)
{
	struct softirq_cpu *cpu = is_ksoftirqd(next) ? this_cpu() : NULL;

	if (!cpu)
		return;
	cpu->before.pid = BPF_CORE_READ(prev, tgid);
	cpu->before.tid = BPF_CORE_READ(prev, pid);
	BPF_CORE_READ_INTO(&cpu->before.comm, prev, comm);
	cpu->switched = bpf_ktime_get_ns();
}

SEC("raw_tp/softirq_raise")
int BPF_PROG(softirq_raise, unsigned int nr)
{
	struct softirq_settings *config = watched(nr);
	struct softirq_cpu *cpu = config ? this_cpu() : NULL;

	if (cpu && nr < VECTORS)
		raised(&cpu->vectors[nr], config->since);
	return 0;
}

SEC("raw_tp/softirq_entry")
int BPF_PROG(softirq_entry, unsigned int nr)
{
	struct softirq_settings *config = watched(nr);
	struct softirq_cpu *cpu = config ? this_cpu() : NULL;

	if (cpu && nr < VECTORS)
		entered(ctx, config, cpu, nr);
	return 0;
}

SEC("raw_tp/softirq_exit")
int BPF_PROG(softirq_exit, unsigned int nr)
{
	struct softirq_cpu *cpu = this_cpu();

	if (cpu && nr < VECTORS)
		left(ctx, cpu, nr);
	return 0;
}

TRACEPOINT(sched_switch, sched_switch, switched(prev, GET(typed, next, pid)), bool preempt, struct task_struct *prev,
	   struct task_struct *next)

/* 5.18 alone had the state first. */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_state_btf, bool preempt, unsigned int state, struct task_struct *prev,
	     struct task_struct *next)
{
	switched(prev, next->pid);
	return 0;
}
