// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP resets sent and received, by the state of the connection and the kernel's reason.
#include "listener.h"

enum kind {
	SENT_NO_SOCKET = 1, /* nobody there: a closed port, a connection long gone */
	SENT_STACK, /* the stack answers a segment that the connection cannot take */
	SENT_ACTIVE, /* somebody ends the connection */
	RECEIVED,
};

/* include/uapi/linux/rtnetlink.h, include/uapi/linux/ipv6_route.h */
#define RTN_LOCAL 2
#define RTF_LOCAL 0x80000000

#define NO_REASON 0xffffffff /* this kernel, or this way to see it, gives none */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rtable {
	__u16 rt_type;
};

struct rt6_info {
	__u32 rt6i_flags;
};

struct tcp_request_sock {
	__u32 rcv_nxt;
};

struct tcp_sock {
	__u32 rcv_tstamp; /* jiffies at the last acknowledgement of the peer */
};

#pragma clang attribute pop

struct closed {
	__u64 sk;
	__u64 state; /* before it was closed */
};

/*
 * What this CPU saw last, for programs that come too late to see it themselves. An abort by a task is reported after
 * its packet left, which to a peer on this machine is after the peer closed too: in softirq, so that has its own place.
 */
struct closing {
	struct closed by_task;
	struct closed by_softirq;
	__u64 held_sk; /* a reset that may have been none: see may_be_ours */
	struct tcp_key held_key;
	struct flow held_flow;
};

PER_CPU(closing, struct closing, this_cpu)

/* Counts the reset that this CPU held, unless it is the socket's that says it was none. */
static __always_inline void settle(void *ctx, struct closing *cpu, const struct sock *none)
{
	__u64 sk = cpu->held_sk;

	cpu->held_sk = 0;
	if (sk && sk != (__u64)none)
		tcp_count(ctx, &cpu->held_key, &cpu->held_flow, false, 1);
}

/* Where the connection was closed just before (tcp_close, tcp_disconnect, tcp_done), the state that it had. */
static __always_inline __u8 state_ended(const struct closing *cpu, const struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (state != TCP_CLOSE || !cpu)
		return state;
	if (cpu->by_task.sk == (__u64)sk)
		return cpu->by_task.state;
	return cpu->by_softirq.sk == (__u64)sk ? cpu->by_softirq.state : TCP_CLOSE;
}

/* sk is a full or a TIME_WAIT socket or NULL; skb is what is answered, or NULL. */
static __always_inline void sent(void *ctx, const struct sock *sk, const struct sk_buff *skb, __u32 reason)
{
	struct closing *cpu = this_cpu();
	struct tcp_key key = {};
	struct flow flow = {};

	if (cpu)
		settle(ctx, cpu, sk);
	if (sk)
		key = tcp_key_in(netns_of_sock(sk));
	else if (skb)
		key = tcp_key_in(netns_of_skb(skb, NULL, false));
	if (skb)
		flow_of_answer(&flow, skb);
	else if (sk)
		flow_of_connection(&flow, sk);
	key.reason = reason;
	key.kind = !skb ? SENT_ACTIVE : sk ? SENT_STACK : SENT_NO_SOCKET;
	key.state = flow.state = sk ? state_ended(cpu, sk) : TCP_CLOSE;
	tcp_count_closed(ctx, &key, &flow, task_holds(sk), 1, key.kind == SENT_NO_SOCKET ? closed_ms(&key, &flow) : 0);
}

static __always_inline bool is_reset(const struct sk_buff *skb)
{
	struct flow flow = {};

	flow_of_skb(&flow, skb);
	return flow.tcp_flags & TCP_FLAG_RST;
}

/* What tcp_v4_send_reset and tcp_v6_send_reset check first: seen at their entry they may still do nothing. */
static __always_inline bool will_send(const struct sock *sk, const struct sk_buff *skb, bool v6)
{
	unsigned long dst = BPF_CORE_READ(skb, _skb_refdst) & ~1UL; /* SKB_DST_NOREF */

	if (is_reset(skb))
		return false;
	if (sk)
		return true;
	if (!is_kernel_pointer((void *)dst))
		return false;
	return v6 ? BPF_CORE_READ((struct rt6_info *)dst, rt6i_flags) & RTF_LOCAL
		  : BPF_CORE_READ((struct rtable *)dst, rt_type) == RTN_LOCAL;
}

/* For programs at that entry: before 6.10, or where there is no tracepoint. */
static __always_inline void answered(void *ctx, const struct sock *sk, const struct sk_buff *skb, bool v6)
{
	if (will_send(sk, skb, v6))
		sent(ctx, sk, skb, NO_REASON);
}

/*
 * tcp_reset() is called for resets, and by tcp_rcv_state_process for data that comes after close(): that it answers
 * with a reset of ours, at once and on this CPU. So one in the states that this can happen in is held until the next
 * event tells which it was.
 */
static __always_inline bool may_be_ours(const struct sock *sk, __u8 state)
{
	return (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2) &&
	       BPF_CORE_READ_BITFIELD_PROBED((const struct sock___tcp *)sk, sk_shutdown) & RCV_SHUTDOWN;
}

/* Milliseconds since the peer last acknowledged anything; 0: not known, or not open. */
static __always_inline __u32 idle_ms(const struct sock *sk, __u8 state)
{
	const struct tcp_settings *config = get_settings();
	__u32 idle;

	if (!config || !config->second || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id___netlens, BPF_FUNC_jiffies64___netlens))
		return 0;
	idle = (__u32)bpf_jiffies64() - BPF_CORE_READ((const struct tcp_sock *)sk, rcv_tstamp);
	return idle < 0xF0000000U ? (__u64)idle * 1000 / config->second : 0;
}

static __always_inline void received(void *ctx, const struct sock *sk)
{
	struct closing *cpu = this_cpu();
	struct tcp_key key = tcp_key_in(netns_of_sock(sk));
	struct flow flow = {};

	if (cpu)
		settle(ctx, cpu, NULL);
	flow_of_connection(&flow, sk);
	key.reason = NO_REASON;
	key.kind = RECEIVED;
	key.state = flow.state;
	if (cpu && may_be_ours(sk, key.state)) {
		cpu->held_key = key;
		cpu->held_flow = flow;
		cpu->held_sk = (__u64)sk;
		return;
	}
	tcp_count_closed(ctx, &key, &flow, task_holds(sk), 1, idle_ms(sk, key.state));
}

/*
 * Resets to sockets that are no full ones are in no tracepoint of TCP; the packet tells. The socket may be freed by
 * now, so the namespace is the packet's as long as that has one.
 */
static __always_inline void received_small(void *ctx, const struct sock *sk, const struct sk_buff *skb, __u8 state)
{
	struct tcp_key key;
	struct flow flow = {};
	struct netns ns;

	flow_of_answer(&flow, skb);
	if (flow.protocol != IPPROTO_TCP || !(flow.tcp_flags & TCP_FLAG_RST))
		return;
	ns = netns_of_skb(skb, NULL, false);
	key = tcp_key_in(ns.inum ? ns : netns_of_sock(sk));
	key.reason = NO_REASON;
	key.kind = RECEIVED;
	key.state = flow.state = state;
	tcp_count(ctx, &key, &flow, false, 1);
}

/* tcp_check_req takes a reset that is in the window. Of a bool only the lowest byte of its register is set. */
static __always_inline void received_half_open(void *ctx, const struct sk_buff *skb, const struct sock *req,
					       __u64 fastopen)
{
	__u32 seq = BPF_CORE_READ(control_block(skb), seq);
	__u32 next = BPF_CORE_READ((const struct tcp_request_sock *)req, rcv_nxt);

	if (!(__u8)fastopen && seq - next <= BPF_CORE_READ(req, __sk_common.skc_rcv_wnd))
		received_small(ctx, req, skb, TCP_SYN_RECV);
}

/* The packet of a reset that was held is freed: it was one. */
static __always_inline void freed(void *ctx, const struct sock *sk, const struct sk_buff *skb)
{
	struct closing *cpu = this_cpu();

	if (cpu && cpu->held_sk && cpu->held_sk == (__u64)sk && is_reset(skb))
		settle(ctx, cpu, NULL);
}

/* Keeps the state that a connection had when it was closed. */
static __always_inline void closed(void *ctx, const struct sock *sk, __u8 before)
{
	struct closing *cpu = this_cpu();
	struct closed *closed;

	if (!cpu)
		return;
	if (cpu->held_sk && cpu->held_sk != (__u64)sk)
		settle(ctx, cpu, NULL);
	closed = task_holds(sk) ? &cpu->by_task : &cpu->by_softirq;
	closed->sk = (__u64)sk;
	closed->state = before;
}

/* 6.10: with a reason; also without a socket (sk NULL), and for active ones (skb NULL). */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_reason_raw, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	sent(ctx, sk, skb, reason);
	return 0;
}

/* Before: only for sockets. */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_raw, struct sock *sk, struct sk_buff *skb)
{
	sent(ctx, sk, skb, NO_REASON);
	return 0;
}

FUNCTION_ENTRY(v4_send_reset, tcp_v4_send_reset, answered(ctx, sk, skb, false), struct sock *sk, struct sk_buff *skb)
FUNCTION_ENTRY(v6_send_reset, tcp_v6_send_reset, answered(ctx, sk, skb, true), struct sock *sk, struct sk_buff *skb)
FUNCTION_ENTRY(active_reset, tcp_send_active_reset, sent(ctx, sk, NULL, NO_REASON), struct sock *sk)

/* Still with the state that the reset ends. */
SEC("raw_tp/tcp_receive_reset")
int BPF_PROG(receive_reset_raw, struct sock *sk)
{
	received(ctx, sk);
	return 0;
}

FUNCTION_ENTRY(tcp_reset, tcp_reset, received(ctx, sk), struct sock *sk)

/* 6.11: the freed packet comes with its socket, whose memory is not given to other types (SLAB_TYPESAFE_BY_RCU). */
SEC("tp_btf/kfree_skb")
int BPF_PROG(time_wait_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	if (!rx_sk)
		return 0;
	if (rx_sk->__sk_common.skc_state == TCP_TIME_WAIT)
		received_small(ctx, rx_sk, skb, TCP_TIME_WAIT);
	else
		freed(ctx, rx_sk, skb);
	return 0;
}

FUNCTION_ENTRY(time_wait, tcp_timewait_state_process, received_small(ctx, tw, skb, TCP_TIME_WAIT), struct sock *tw,
	       struct sk_buff *skb)
FUNCTION_ENTRY(half_open, tcp_check_req, received_half_open(ctx, skb, req, fastopen), struct sock *sk,
	       struct sk_buff *skb, struct sock *req, __u64 fastopen)

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(set_state_raw, struct sock *sk, int before, int after)
{
	if (after != TCP_CLOSE)
		return 0;
	/* A connection that it accepts leaves the state of the listener, too. */
	if (before == TCP_LISTEN)
		listener_closed(sk);
	closed(ctx, sk, before);
	return 0;
}
