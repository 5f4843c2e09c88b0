// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// How long the threads of each pod waited for a processor that they could have run on, and who had it meanwhile. The
// kernel itself notes when a thread begins to wait (struct sched_info): nothing is kept here per thread.
#include "hook.h"
#include "pod.h"

/* A shorter wait is nobody's fault: who had the processor is not looked up. */
#define MATTERS 50000ULL

/* Who had the processor before. Mirrored in C#. */
enum holder {
	HOLDER_IDLE,
	HOLDER_OWN,
	HOLDER_POD,
	HOLDER_NODE,
	HOLDERS,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rq {
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* of its processor, whichever its class is */
};

struct sched_info {
	unsigned long long last_queued; /* by the run queue's clock; 0: it did not wait */
};

struct task_group {
	struct cgroup_subsys_state css;
};

struct task_struct___queue {
	struct sched_entity se;
	struct task_group *sched_task_group;
	struct sched_info sched_info;
};

#pragma clang attribute pop

struct runqueue_value {
	struct histogram delay;
	__u64 behind[HOLDERS];
};

/* By pod, 0 for all others. Programs at this tracepoint do not interrupt one another, so nothing here is atomic. */
MAP(runqueue, BPF_MAP_TYPE_PERCPU_HASH, 1024, __u64, struct runqueue_value);
ONE(fresh, BPF_MAP_TYPE_ARRAY, struct runqueue_value, get_fresh)

static __always_inline __u64 pod_of_task(const struct task_struct *task)
{
	struct task_group *group = BPF_CORE_READ((const struct task_struct___queue *)task, sched_task_group);

	/* A group that the kernel makes for a session has no cgroup. */
	return group ? pod_of_css((void *)group + bpf_core_field_offset(struct task_group, css)) : 0;
}

static __always_inline enum holder holder_of(const struct task_struct *prev, __u64 pod)
{
	__u64 its;

	if (!BPF_CORE_READ(prev, pid))
		return HOLDER_IDLE;
	its = pod_of_task(prev);
	if (its == pod)
		return HOLDER_OWN;
	return its ? HOLDER_POD : HOLDER_NODE;
}

static __always_inline void waited(const struct task_struct *prev, const struct task_struct *next, __u64 ns)
{
	struct runqueue_value *value, *none = get_fresh();
	__u64 pod = pod_of_task(next);
	enum holder holder;

	value = none ? lookup_or_init(&runqueue, &pod, none) : NULL;
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	histogram_add(&value->delay, ns);
	if (ns < MATTERS)
		return;
	holder = holder_of(prev, pod);
	if (holder < HOLDERS)
		value->behind[holder] += ns;
}

static __always_inline void switched(const struct task_struct *prev, const struct task_struct *next, bool typed)
{
	const struct task_struct___queue *thread = (const struct task_struct___queue *)next;
	__u64 queued = BPF_CORE_READ(thread, sched_info.last_queued), now;

	/* Idle never waits. */
	if (!queued || !GET(typed, next, pid))
		return;
	now = BPF_CORE_READ(thread, se.cfs_rq, rq, clock);
	if (now >= queued)
		waited(prev, next, now - queued);
}

TRACEPOINT(sched_switch, sched_switch, switched(prev, next, typed), bool preempt, struct task_struct *prev,
	   struct task_struct *next)

/* 5.18 alone had the state first. */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_state_btf, bool preempt, unsigned int state, struct task_struct *prev,
	     struct task_struct *next)
{
	switched(prev, next, true);
	return 0;
}
