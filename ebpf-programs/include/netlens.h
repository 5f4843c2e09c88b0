/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What every program shares: settings, events, losses, histograms. */
#ifndef NETLENS_H
#define NETLENS_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/*
 * Events. Kernels from 5.8 have ring buffers; the objects named *.perf are compiled for those before, which have one
 * perf buffer per CPU.
 */
#ifdef NETLENS_PERF_EVENTS
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");
#define output_event(ctx, event, size) bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size)
#else
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* set by the loader */
} events SEC(".maps");
#define output_event(ctx, event, size) bpf_ringbuf_output(&events, event, size, 0)
#endif

/* What the kernel side lost, per reason. Read as netlens.ebpf.lost. */
enum loss {
	LOSS_EVENT, /* no room in the event buffer */
	LOSS_ENTRY, /* no room in a map: counted under no key of its own */
	LOSS_MAX,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/* Interrupts may nest another run of a program on this CPU: a plain ++ could lose its count. */
static __always_inline void add(__u64 *counter, __u64 n)
{
	__sync_fetch_and_add(counter, n);
}

static __always_inline void lost(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &reason);

	if (count)
		add(count, 1);
}

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

/*
 * Records are built in a per-CPU map value, not on the 512 byte stack. An interrupt may run another program of the
 * object on this CPU meanwhile: it finds the place busy and gives up. Both nest, so a plain flag does.
 */
#define SCRATCH(name)                                                                                                  \
	struct name##_scratch {                                                                                        \
		__u64 busy;                                                                                            \
		struct name record;                                                                                    \
	};                                                                                                             \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                                               \
		__uint(max_entries, 1);                                                                                \
		__type(key, __u32);                                                                                    \
		__type(value, struct name##_scratch);                                                                  \
	} scratch SEC(".maps");                                                                                        \
	/* The place, taken until its busy is 0 again; NULL, and the event lost, while it is. */                       \
	static __always_inline struct name##_scratch *take_scratch(void)                                               \
	{                                                                                                              \
		__u32 zero = 0;                                                                                        \
		struct name##_scratch *place = bpf_map_lookup_elem(&scratch, &zero);                                   \
                                                                                                                       \
		if (!place)                                                                                            \
			return NULL;                                                                                   \
		if (place->busy) {                                                                                     \
			lost(LOSS_EVENT);                                                                              \
			return NULL;                                                                                   \
		}                                                                                                      \
		place->busy = 1;                                                                                       \
		return place;                                                                                          \
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
};

static __always_inline void fill_task(struct event_head *head)
{
	__u64 id = bpf_get_current_pid_tgid();

	head->pid = id >> 32;
	head->tid = (__u32)id;
	bpf_get_current_comm(head->comm, sizeof(head->comm));
	head->cgroup = bpf_get_current_cgroup_id();
}

/*
 * Histograms of nanoseconds: slot 0 counts up to 2^10, slot k up to 2^(10+k) inclusive, the last all above. Bounds
 * are inclusive above as in OTLP, hence value - 1. Mirrored by NanosecondHistogram in C#.
 */
#define HISTOGRAM_FIRST 10
#define HISTOGRAM_SLOTS 25

struct histogram {
	__u64 slots[HISTOGRAM_SLOTS];
	__u64 sum;
};

static __always_inline __u32 log2_u32(__u32 v)
{
	__u32 r, shift;

	r = (v > 0xFFFF) << 4;
	v >>= r;
	shift = (v > 0xFF) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xF) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (v >> 1);
}

/* Slot of a duration: bits of (ns - 1) / 2^10. */
static __always_inline __u32 histogram_slot(__u64 ns)
{
	__u64 above = (ns ? ns - 1 : 0) >> HISTOGRAM_FIRST;

	if (!above)
		return 0;
	/* 2^23 units of 2^10 ns are 8.6 s: everything above is the last slot. */
	if (above >> (HISTOGRAM_SLOTS - 2))
		return HISTOGRAM_SLOTS - 1;
	return log2_u32(above) + 1;
}

/* Not atomic: for histograms that only one context per CPU writes. */
static __always_inline void histogram_add(struct histogram *h, __u64 ns)
{
	__u64 slot = histogram_slot(ns);

	/* The verifier of 6.1 and before knows no bound of slot: what is compared must be what is used. */
	barrier_var(slot);
	if (slot < HISTOGRAM_SLOTS)
		h->slots[slot]++;
	h->sum += ns;
}

#endif
