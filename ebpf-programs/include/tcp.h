/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Segments of TCP that are worth counting (resets, retransmits): one map of counters, one kind of event. */
#ifndef NETLENS_TCP_H
#define NETLENS_TCP_H

#include "flow.h"

#define STACK_DEPTH 20
#define TCP_FLAG_RST 0x04 /* byte 13 of the header */
#define RCV_SHUTDOWN 1

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int owned;
} socket_lock_t;

/* More of struct sock than flow.h needs: libbpf ignores three underscores and what follows. */
struct sock___tcp {
	socket_lock_t sk_lock;
	__u8 sk_shutdown;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_skb_cb {
	__u32 seq;
	__u16 tcp_gso_segs;
};

struct sk_buff___tcp {
	char cb[48];
};

#pragma clang attribute pop

struct tcp_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 stack;
};

struct tcp_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 reason;
	__u8 kind; /* each program's own */
	__u8 state; /* of the connection; 0 where the program does not count by it */
	__u8 family; /* 4 or 6 */
	__u8 pad;
};

struct tcp_value {
	__u64 segments;
	struct limiter limiter;
};

struct tcp_event {
	struct event_head head; /* without a task where the one that ran has nothing to do with the socket */
	struct flow flow;
	__u32 reason;
	__u32 kind;
	__u32 segments;
	__s32 stack_size; /* bytes */
	__u64 stack[STACK_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcp_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096); /* set by the loader */
	__type(key, struct tcp_key);
	__type(value, struct tcp_value);
} counters SEC(".maps");

SCRATCH(tcp_event)

/* Request and TIME_WAIT sockets are only the beginning of one. */
static __always_inline bool is_full_socket(const struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* The task that runs works on this socket: it holds it (lock_sock). A timer or packet that interrupted it would not. */
static __always_inline bool task_holds(const struct sock *sk)
{
	return sk && is_full_socket(sk) && BPF_CORE_READ((const struct sock___tcp *)sk, sk_lock.owned);
}

/* From the socket's end. A port given back already (__inet_put_port) is still in inet_sport. */
static __always_inline void flow_of_connection(struct flow *flow, const struct sock *sk)
{
	flow_of_sock(flow, sk, IPPROTO_TCP);
	if (!flow->sport && is_full_socket(sk))
		flow->sport = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
}

static __always_inline const struct tcp_skb_cb *control_block(const struct sk_buff *skb)
{
	return (const struct tcp_skb_cb *)&((const struct sk_buff___tcp *)skb)->cb;
}

static __always_inline void tcp_report(void *ctx, const struct tcp_key *key, const struct flow *flow, bool task,
				       __u32 segments, __u64 now, bool stack)
{
	__u64 size = offsetof(struct tcp_event, stack);
	struct tcp_event_scratch *place;
	struct tcp_event *event;

	place = take_scratch();
	if (!place)
		return;
	event = &place->record;
	__builtin_memset(event, 0, offsetof(struct tcp_event, stack));
	event->head.time = now;
	event->head.netns = key->netns;
	event->head.netns_cookie = key->netns_cookie;
	if (task)
		fill_task(&event->head);
	event->flow = *flow;
	event->reason = key->reason;
	event->kind = key->kind;
	event->segments = segments;
	if (stack) {
		event->stack_size = bpf_get_stack(ctx, event->stack, sizeof(event->stack), 0);
		size = sizeof(*event);
	}
	emit(ctx, event, size);
	place->busy = 0;
}

/* Counts segments under the key, whose family is the flow's, and reports the first of a second. */
static __always_inline void tcp_count(void *ctx, struct tcp_key *key, const struct flow *flow, bool task,
				      __u32 segments)
{
	struct tcp_value *value, fresh = {};
	struct tcp_settings *config;
	__u32 zero = 0;
	__u64 now;

	key->family = flow->family;
	if (!key->netns) {
		lost(LOSS_ENTRY);
		return;
	}
	value = bpf_map_lookup_elem(&counters, key);
	if (!value) {
		bpf_map_update_elem(&counters, key, &fresh, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&counters, key);
		if (!value) {
			lost(LOSS_ENTRY);
			return;
		}
	}
	add(&value->segments, segments);
	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config || !config->burst)
		return;
	now = bpf_ktime_get_ns();
	if (admit(&value->limiter, now, config->burst))
		tcp_report(ctx, key, flow, task, segments, now, config->stack);
}

#endif
