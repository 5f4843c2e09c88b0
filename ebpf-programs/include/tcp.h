/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Segments of TCP that are worth counting (resets, retransmits): one map of counters, one kind of event. */
#ifndef NETLENS_TCP_H
#define NETLENS_TCP_H

#include "event.h"
#include "flow.h"
#include "share.h"

#define RCV_SHUTDOWN 1

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int owned;
} socket_lock_t;

/* More of struct sock than flow.h needs: libbpf ignores three underscores and what follows. */
struct sock___tcp {
	socket_lock_t sk_lock;
	__u8 sk_shutdown;
	__u16 sk_protocol;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u16 tcp_gso_segs;
};

struct sk_buff___tcp {
	char cb[48];
};

#pragma clang attribute pop

struct tcp_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 stack;
	__u32 second; /* in jiffies */
};

struct tcp_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 reason;
	__u8 kind; /* each program's own */
	__u8 state; /* of the connection; 0 where the program does not count by it */
	__u8 family; /* 4 or 6 */
	__u8 rootless;
};

struct tcp_value {
	__u64 segments;
	struct limiter limiter;
};

/* A segment that is sent again, and where it was lost. Mirrored by TcpLoss in C#. */
struct tcp_loss {
	__u64 location;
	__u64 before; /* nanoseconds from then until it was sent again */
	__u32 reason;
	__u32 netns; /* of the device that it was on */
	__u32 netns_cookie;
	__u32 answer; /* what was lost is what acknowledged it */
	__u32 timeouts; /* in a row, this one with them; 0: it was none, as with the two below */
	__u32 length; /* of its data, bytes, and one for a FIN; 0 for a closed window, as with the one below */
	__u32 delivered; /* bytes that the peer has acknowledged, per segment that arrived */
	__u32 pad;
};

struct tcp_event {
	struct event_head head; /* without a task where the one that ran has nothing to do with the socket */
	struct flow flow;
	__u32 reason;
	__u32 kind;
	__u32 segments;
	__u32 closed_ms; /* since nobody listens at the local end any more, or the peer acknowledged; 0: not known */
	struct tcp_loss loss; /* of what is sent again; else zero */
	struct stack stack;
};

SETTINGS(struct tcp_settings)
MAP(counters, BPF_MAP_TYPE_PERCPU_HASH, 4096, struct tcp_key, struct tcp_value); /* entries: set by the loader */
EVENT(tcp_event)

static __always_inline struct tcp_key tcp_key_in(struct netns ns)
{
	struct tcp_key key = { .netns = ns.inum, .netns_cookie = ns.cookie, .rootless = ns.rootless };

	return key;
}

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
				       __u32 segments, __u32 closed_ms, const struct tcp_loss *loss, __u64 now,
				       bool stack)
{
	struct tcp_event *event = begin_event(now, key->netns, key->netns_cookie, task);

	if (!event)
		return;
	event->head.rootless = key->rootless;
	event->flow = *flow;
	event->reason = key->reason;
	event->kind = key->kind;
	event->segments = segments;
	event->closed_ms = closed_ms;
	if (loss)
		event->loss = *loss;
	end_event(ctx, event, offsetof(struct tcp_event, stack) + fill_stack(ctx, &event->stack, stack));
}

/* Counts segments under the key, whose family is the flow's. NULL: no room. */
static __always_inline struct tcp_value *tcp_add(struct tcp_key *key, const struct flow *flow, __u32 segments)
{
	struct tcp_value *value, fresh = {};

	key->family = flow->family;
	value = key->netns ? lookup_or_share(&counters, key, &fresh, key->rootless, SHARE_COUNTERS) : NULL;
	if (value)
		add(&value->segments, segments);
	else
		lost(LOSS_ENTRY);
	return value;
}

/* The same, and reports the first of a second. */
static __always_inline void tcp_count_all(void *ctx, struct tcp_key *key, const struct flow *flow, bool task,
					  __u32 segments, __u32 closed_ms, const struct tcp_loss *loss)
{
	struct tcp_value *value = tcp_add(key, flow, segments);
	struct tcp_settings *config = get_settings();
	__u64 now;

	if (!value || !config || !config->burst)
		return;
	now = bpf_ktime_get_ns();
	if (admit(&value->limiter, now, config->burst) &&
	    (!key->rootless || admit_rootless(&value->limiter, now, config->burst)))
		tcp_report(ctx, key, flow, task, segments, closed_ms, loss, now, config->stack);
}

static __always_inline void tcp_count_closed(void *ctx, struct tcp_key *key, const struct flow *flow, bool task,
					     __u32 segments, __u32 closed_ms)
{
	tcp_count_all(ctx, key, flow, task, segments, closed_ms, NULL);
}

static __always_inline void tcp_count(void *ctx, struct tcp_key *key, const struct flow *flow, bool task,
				      __u32 segments)
{
	tcp_count_all(ctx, key, flow, task, segments, 0, NULL);
}

#endif
