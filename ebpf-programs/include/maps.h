/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What every program has: a licence, maps and settings among them, counters of what was lost; and histograms. */
#ifndef NETLENS_MAPS_H
#define NETLENS_MAPS_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Every program's. The kernel gives half of its helpers only to what is under the GPL too. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAP(name, map_type, entries, key_type, value_type) \
	struct {                                           \
		__uint(type, map_type);                    \
		__uint(max_entries, entries);              \
		__type(key, key_type);                     \
		__type(value, value_type);                 \
	} name SEC(".maps")

/* An array that user space has in its own memory, too. Values are multiples of eight bytes. */
#define SHARED(name, entries, value_type)          \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, value_type);         \
	} name SEC(".maps")

/* A map of one element, and the function that gives it. Of arrays the verifier makes that an address, not a call. */
#define ONE(name, map_type, value_type, get)              \
	MAP(name, map_type, 1, __u32, value_type);        \
	static __always_inline value_type *get(void)      \
	{                                                 \
		__u32 zero = 0;                           \
                                                          \
		return bpf_map_lookup_elem(&name, &zero); \
	}

/* User space writes them at any time: no program has global variables, which kernels before 5.2 lack. */
#define SETTINGS(type) ONE(settings, BPF_MAP_TYPE_ARRAY, type, get_settings)

/* This CPU's own. */
#define PER_CPU(name, type, get) ONE(name, BPF_MAP_TYPE_PERCPU_ARRAY, type, get)

/* The key's element, begun as a copy of fresh where there was none; NULL where the map is full. */
static __always_inline void *lookup_or_init(void *map, const void *key, const void *fresh)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	bpf_map_update_elem(map, key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

/* Interrupts may nest another run of a program on this CPU: a plain ++ could lose its count. */
static __always_inline void add(__u64 *counter, __u64 n)
{
	__sync_fetch_and_add(counter, n);
}

/* What the kernel side lost, per reason. Read as netlens.ebpf.lost. */
enum loss {
	LOSS_EVENT, /* no room in the event buffer */
	LOSS_ENTRY, /* no room in a map: counted under no key of its own */
	LOSS_SAMPLE, /* by sample.h: a newer packet has the place of one that is under way, which is not measured */
	LOSS_MAX,
};

MAP(losses, BPF_MAP_TYPE_PERCPU_ARRAY, LOSS_MAX, __u32, __u64);

static __always_inline void lost(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &reason);

	if (count)
		add(count, 1);
}

/*
 * Histograms of nanoseconds: slot 0 counts up to 2^10, slot k up to 2^(10+k) inclusive, the last all above. Bounds
 * are inclusive above as in OTLP, hence value - 1. Mirrored by NanosecondHistogram in C#.
 */
#define HISTOGRAM_FIRST 10
#define HISTOGRAM_SLOTS 25

/* What KubeSkoop counts beside: all above 10 ms and 100 ms. */
#define LEGACY_SLOW 10000000ULL
#define LEGACY_SLOWER 100000000ULL

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

static __always_inline void histogram_add_atomic(struct histogram *h, __u64 ns)
{
	__u64 slot = histogram_slot(ns);

	barrier_var(slot);
	if (slot < HISTOGRAM_SLOTS)
		add(&h->slots[slot], 1);
	add(&h->sum, ns);
}

#endif
