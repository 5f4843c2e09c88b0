// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Softirqs: how long each waited from raise to entry and ran from entry to exit, per vector; the slow ones as events.
#include "netlens.h"

#define VECTORS 10 /* include/linux/interrupt.h: HI to RCU */
#define LEGACY_SLOW 10000000ULL /* what KubeSkoop counts: 10 ms and 100 ms */
#define LEGACY_SLOWER 100000000ULL
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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct softirq_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct softirq_cpu);
} softirq SEC(".maps");

/* Thread id of every CPU's ksoftirqd; user space finds them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CPUS); /* set by the loader */
	__type(key, __u32);
	__type(value, __u32);
} ksoftirqd SEC(".maps");

SCRATCH(softirq_event)

static __always_inline struct softirq_settings *watched(__u32 nr)
{
	struct softirq_settings *config;
	__u32 zero = 0;

	/* An array of one: the verifier makes this an address, not a call. */
	config = bpf_map_lookup_elem(&settings, &zero);
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
	struct softirq_event_scratch *place;
	struct softirq_event *event;

	place = take_scratch();
	if (!place)
		return;
	event = &place->record;
	__builtin_memset(event, 0, sizeof(*event));
	event->head.time = span->now;
	fill_task(&event->head);
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
	emit(ctx, event, sizeof(*event));
	place->busy = 0;
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

SEC("raw_tp/softirq_raise")
int BPF_PROG(softirq_raise, unsigned int nr)
{
	struct softirq_settings *config = watched(nr);
	struct softirq_vector *v;
	struct softirq_cpu *cpu;
	__u32 zero = 0;

	if (!config)
		return 0;
	cpu = bpf_map_lookup_elem(&softirq, &zero);
	if (!cpu || nr >= VECTORS)
		return 0;
	v = &cpu->vectors[nr];
	if (v->raised > config->since)
		return 0;
	v->raiser = bpf_get_current_task();
	v->raiser_id = bpf_get_current_pid_tgid();
	v->raised = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/softirq_entry")
int BPF_PROG(softirq_entry, unsigned int nr)
{
	struct softirq_settings *config = watched(nr);
	struct softirq_vector *v;
	struct softirq_cpu *cpu;
	struct span span = { .nr = nr, .phase = PHASE_WAIT };
	__u32 zero = 0;

	if (!config)
		return 0;
	cpu = bpf_map_lookup_elem(&softirq, &zero);
	if (!cpu || nr >= VECTORS)
		return 0;
	v = &cpu->vectors[nr];
	span.now = bpf_ktime_get_ns();
	v->entered = span.now;
	v->late = span.now + config->least;
	span.from = v->raised;
	/* None was seen; or an interrupt raised it for the next time since we looked at the clock. */
	if (!span.from || span.from > span.now)
		return 0;
	span.raiser = v->raiser;
	span.raiser_id = v->raiser_id;
	v->raised = 0;
	if (span.from <= config->since)
		return 0;
	histogram_add(&v->wait.histogram, span.now - span.from);
	if (span.now - span.from > config->least)
		slow(ctx, config, cpu, &v->wait, &span);
	return 0;
}

/* Nearly all end here: entry has looked at the settings already. */
SEC("raw_tp/softirq_exit")
int BPF_PROG(softirq_exit, unsigned int nr)
{
	struct softirq_settings *config;
	struct softirq_vector *v;
	struct softirq_cpu *cpu;
	struct span span = { .nr = nr, .phase = PHASE_RUN };
	__u32 zero = 0;

	cpu = bpf_map_lookup_elem(&softirq, &zero);
	if (!cpu || nr >= VECTORS)
		return 0;
	v = &cpu->vectors[nr];
	span.from = v->entered;
	if (!span.from)
		return 0;
	v->entered = 0;
	span.now = bpf_ktime_get_ns();
	histogram_add(&v->run.histogram, span.now - span.from);
	if (span.now <= v->late)
		return 0;
	config = watched(nr);
	if (config)
		slow(ctx, config, cpu, &v->run, &span);
	return 0;
}

/* Runs at every switch: all but those to a ksoftirqd end at two comparisons. */
static __always_inline struct softirq_cpu *ksoftirqd_gets_cpu(__u32 next)
{
	struct softirq_settings *config;
	__u32 zero = 0, cpu, *own;

	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config || next < config->first_ksoftirqd || next > config->last_ksoftirqd)
		return NULL;
	cpu = bpf_get_smp_processor_id();
	own = bpf_map_lookup_elem(&ksoftirqd, &cpu);
	if (!own || *own != next)
		return NULL;
	return bpf_map_lookup_elem(&softirq, &zero);
}

static __always_inline int switched(struct task_struct *prev, __u32 next)
{
	struct softirq_cpu *cpu = ksoftirqd_gets_cpu(next);

	if (!cpu)
		return 0;
	cpu->before.pid = BPF_CORE_READ(prev, tgid);
	cpu->before.tid = BPF_CORE_READ(prev, pid);
	BPF_CORE_READ_INTO(&cpu->before.comm, prev, comm);
	cpu->switched = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_btf, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return switched(prev, next->pid);
}

/* 5.18 alone had the state first. */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_state_btf, bool preempt, unsigned int state, struct task_struct *prev,
	     struct task_struct *next)
{
	return switched(prev, next->pid);
}

SEC("raw_tp/sched_switch")
int BPF_PROG(sched_switch_raw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return switched(prev, BPF_CORE_READ(next, pid));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
