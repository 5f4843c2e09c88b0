/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Events: samples of what is counted, with details, limited, built in scratch memory, sent to user space. */
#ifndef NETLENS_EVENT_H
#define NETLENS_EVENT_H

#include "maps.h"

/* Kernels from 5.8 have ring buffers; the objects named *.perf are for those before: one perf buffer per CPU. */
#ifdef NETLENS_PERF_EVENTS
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");
#define output_event(ctx, event, size) bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size)
#define is_filling() false /* the kernel does not tell */
#else
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* set by the loader */
} events SEC(".maps");
#define output_event(ctx, event, size) bpf_ringbuf_output(&events, event, size, 0)

/* More than a quarter of it waits to be read. */
static __always_inline bool is_filling(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 4;
}
#endif

static __always_inline void emit(void *ctx, void *event, __u64 size)
{
	if (output_event(ctx, event, size))
		lost(LOSS_EVENT);
}

/*
 * Lets burst events per second through per limiter and CPU, and counts the others. A second of bpf_ktime_get_ns is
 * 2^30 ns: a shift, not a division.
 */
struct limiter {
	__u64 held; /* ever, never reset: user space takes the difference */
	__u32 second;
	__u32 sent;
};

static __always_inline bool admit(struct limiter *limiter, __u64 now, __u32 burst)
{
	__u32 second = now >> 30;

	if (limiter->second != second) {
		limiter->second = second;
		limiter->sent = 0;
	}
	if (limiter->sent < burst) {
		limiter->sent++;
		return true;
	}
	limiter->held++;
	return false;
}

/* Since 5.6. */
enum bpf_func_id___netlens {
	BPF_FUNC_jiffies64___netlens = 118,
};

/*
 * The same, and the time, for what may come in floods: reading the clock costs half as much as counting. Once a second's
 * burst is sent it is read only when the kernel's tick has moved on; in between the limiter would say the same.
 */
static __always_inline bool admit_flood(struct limiter *limiter, __u64 *tick, __u32 burst, __u64 *now)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___netlens, BPF_FUNC_jiffies64___netlens)) {
		__u64 jiffies = bpf_jiffies64();

		if (*tick == jiffies && limiter->sent >= burst) {
			limiter->held++;
			return false;
		}
		*tick = jiffies;
	}
	*now = bpf_ktime_get_ns();
	return admit(limiter, *now, burst);
}

/* What every record begins with. Mirrored by EventHead in C#. */
struct event_head {
	__u64 time; /* bpf_ktime_get_ns: CLOCK_MONOTONIC */
	__u32 netns; /* inode; 0: the kernel could not tell */
	__u32 netns_cookie; /* low half; tells two namespaces that had one inode apart; 0: not on this kernel */
	__u32 pid; /* thread group */
	__u32 tid;
	char comm[16];
	__u64 cgroup; /* id in the hierarchy of version 2; 1: its root, where containers have their cgroups elsewhere */
	__u32 rootless; /* any user can make such namespaces */
	__u32 pad;
};

/* The task that runs: for events that it has to do with. */
static __always_inline void fill_task(struct event_head *head)
{
	__u64 id = bpf_get_current_pid_tgid();

	head->pid = id >> 32;
	head->tid = (__u32)id;
	bpf_get_current_comm(head->comm, sizeof(head->comm));
	head->cgroup = bpf_get_current_cgroup_id();
}

#define STACK_DEPTH 20

/* The kernel's stack, innermost first: the last of a record. Mirrored by KernelStack in C#. */
struct stack {
	__s32 size; /* bytes of the addresses; negative: the kernel could not walk it */
	__u32 pad;
	__u64 addresses[STACK_DEPTH];
};

/* Gives how much of it is to be sent. */
static __always_inline __u64 fill_stack(void *ctx, struct stack *stack, bool wanted)
{
	if (!wanted)
		return offsetof(struct stack, addresses);
	stack->size = bpf_get_stack(ctx, stack->addresses, sizeof(stack->addresses), 0);
	return sizeof(*stack);
}

/*
 * Records are built in a per-CPU map value, not on the 512 byte stack. An interrupt may run another program of the
 * object on this CPU meanwhile: it finds the place busy and gives up. Both nest, so a plain flag does.
 */
#define SCRATCH(name)                                                                            \
	struct name##_scratch {                                                                  \
		__u64 busy;                                                                      \
		struct name record;                                                              \
	};                                                                                       \
	PER_CPU(scratch, struct name##_scratch, get_scratch)                                     \
	/* The place, taken until its busy is 0 again; NULL, and the event lost, while it is. */ \
	static __always_inline struct name##_scratch *take_scratch(void)                         \
	{                                                                                        \
		struct name##_scratch *place = get_scratch();                                    \
                                                                                                 \
		if (!place)                                                                      \
			return NULL;                                                             \
		if (place->busy) {                                                               \
			lost(LOSS_EVENT);                                                        \
			return NULL;                                                             \
		}                                                                                \
		place->busy = 1;                                                                 \
		return place;                                                                    \
	}

/* The program's one kind of record, struct name, whose first member is the head. */
#define EVENT(name)                                                                                      \
	SCRATCH(name)                                                                                    \
	/* All zero but its head. NULL: lost, and counted. Else end_event must follow. */                \
	static __always_inline struct name *begin_event(__u64 now, __u32 netns, __u32 cookie, bool task) \
	{                                                                                                \
		struct name##_scratch *place = take_scratch();                                           \
                                                                                                         \
		if (!place)                                                                              \
			return NULL;                                                                     \
		__builtin_memset(&place->record, 0, sizeof(place->record));                              \
		place->record.head.time = now;                                                           \
		place->record.head.netns = netns;                                                        \
		place->record.head.netns_cookie = cookie;                                                \
		if (task)                                                                                \
			fill_task(&place->record.head);                                                  \
		return &place->record;                                                                   \
	}                                                                                                \
	static __always_inline void end_event(void *ctx, struct name *event, __u64 size)                 \
	{                                                                                                \
		emit(ctx, event, size);                                                                  \
		container_of(event, struct name##_scratch, record)->busy = 0;                            \
	}

#endif
