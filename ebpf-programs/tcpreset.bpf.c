// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP resets sent and received, by the state of the connection and the kernel's reason.
#include "tcp.h"

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
	__u64 held_sk; /* a reset that may have been none: see receive_reset */
	struct tcp_key held_key;
	struct flow held_flow;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct closing);
} closing SEC(".maps");

static __always_inline struct closing *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&closing, &zero);
}

static __always_inline void set_netns(struct tcp_key *key, struct netns ns)
{
	key->netns = ns.inum;
	key->netns_cookie = ns.cookie;
}

/* An answer goes the other way than the packet. */
static __always_inline void flow_of_answer(struct flow *flow, const struct sk_buff *skb)
{
	struct flow packet = {};

	flow_of_skb(&packet, skb);
	__builtin_memcpy(flow->saddr, packet.daddr, sizeof(flow->saddr));
	__builtin_memcpy(flow->daddr, packet.saddr, sizeof(flow->daddr));
	flow->sport = packet.dport;
	flow->dport = packet.sport;
	flow->family = packet.family;
	flow->protocol = packet.protocol;
	flow->tcp_flags = packet.tcp_flags;
}

/* Counts the reset that this CPU held, unless it is the socket's that says it was none. */
static __always_inline void settle(void *ctx, struct closing *cpu, const struct sock *none)
{
	__u64 sk = cpu->held_sk;

	cpu->held_sk = 0;
	if (sk && sk != (__u64)none)
		tcp_count(ctx, &cpu->held_key, &cpu->held_flow, false, 1);
}

static __always_inline __u8 state_before_close(const struct closing *cpu, const struct sock *sk)
{
	if (cpu->by_task.sk == (__u64)sk)
		return cpu->by_task.state;
	return cpu->by_softirq.sk == (__u64)sk ? cpu->by_softirq.state : TCP_CLOSE;
}

/*
 * sk is a full or a TIME_WAIT socket or NULL; skb is what is answered, or NULL. Where the connection was closed just
 * before (tcp_close, tcp_disconnect, tcp_done), its state is the one it had.
 */
static __always_inline int sent(void *ctx, const struct sock *sk, const struct sk_buff *skb, __u32 reason)
{
	struct closing *cpu = this_cpu();
	struct tcp_key key = { .reason = reason, .state = TCP_CLOSE };
	struct flow flow = {};

	if (cpu)
		settle(ctx, cpu, sk);
	if (sk) {
		key.state = BPF_CORE_READ(sk, __sk_common.skc_state);
		if (key.state == TCP_CLOSE && cpu)
			key.state = state_before_close(cpu, sk);
		set_netns(&key, netns_of_sock(sk));
	} else if (skb) {
		set_netns(&key, netns_of_skb(skb, NULL));
	}
	if (skb)
		flow_of_answer(&flow, skb);
	else if (sk)
		flow_of_connection(&flow, sk);
	flow.state = key.state;
	key.kind = !skb ? SENT_ACTIVE : sk ? SENT_STACK : SENT_NO_SOCKET;
	tcp_count(ctx, &key, &flow, task_holds(sk), 1);
	return 0;
}

/* What tcp_v4_send_reset and tcp_v6_send_reset check first: seen at their entry they may still do nothing. */
static __always_inline bool will_send(const struct sock *sk, const struct sk_buff *skb, bool v6)
{
	unsigned long dst = BPF_CORE_READ(skb, _skb_refdst) & ~1UL; /* SKB_DST_NOREF */
	struct flow flow = {};

	flow_of_skb(&flow, skb);
	if (flow.tcp_flags & TCP_FLAG_RST)
		return false;
	if (sk)
		return true;
	if (!is_kernel_pointer((void *)dst))
		return false;
	return v6 ? BPF_CORE_READ((struct rt6_info *)dst, rt6i_flags) & RTF_LOCAL
		  : BPF_CORE_READ((struct rtable *)dst, rt_type) == RTN_LOCAL;
}

/* 6.10: with a reason; also without a socket (sk NULL), and for active ones (skb NULL). */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_reason_raw, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	return sent(ctx, sk, skb, reason);
}

/* Before: only for sockets. */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_raw, struct sock *sk, struct sk_buff *skb)
{
	return sent(ctx, sk, skb, NO_REASON);
}

SEC("fentry/tcp_v4_send_reset")
int BPF_PROG(v4_send_reset_fentry, struct sock *sk, struct sk_buff *skb)
{
	return will_send(sk, skb, false) ? sent(ctx, sk, skb, NO_REASON) : 0;
}

SEC("fentry/tcp_v6_send_reset")
int BPF_PROG(v6_send_reset_fentry, struct sock *sk, struct sk_buff *skb)
{
	return will_send(sk, skb, true) ? sent(ctx, sk, skb, NO_REASON) : 0;
}

SEC("fentry/tcp_send_active_reset")
int BPF_PROG(active_reset_fentry, struct sock *sk)
{
	return sent(ctx, sk, NULL, NO_REASON);
}

SEC("kprobe/tcp_v4_send_reset")
int BPF_KPROBE(v4_send_reset_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return will_send(sk, skb, false) ? sent(ctx, sk, skb, NO_REASON) : 0;
}

SEC("kprobe/tcp_v6_send_reset")
int BPF_KPROBE(v6_send_reset_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return will_send(sk, skb, true) ? sent(ctx, sk, skb, NO_REASON) : 0;
}

SEC("kprobe/tcp_send_active_reset")
int BPF_KPROBE(active_reset_kprobe, struct sock *sk)
{
	return sent(ctx, sk, NULL, NO_REASON);
}

/*
 * tcp_reset() is called for resets, and by tcp_rcv_state_process for data that comes after close(): that it answers
 * with a reset of ours, at once and on this CPU. So one in the states that this can happen in is held until the next
 * event tells which it was.
 */
static __always_inline int received(void *ctx, const struct sock *sk)
{
	struct closing *cpu = this_cpu();
	struct tcp_key key = { .reason = NO_REASON, .kind = RECEIVED };
	struct flow flow = {};

	if (cpu)
		settle(ctx, cpu, NULL);
	flow_of_connection(&flow, sk);
	key.state = flow.state;
	set_netns(&key, netns_of_sock(sk));
	if (cpu && (key.state == TCP_FIN_WAIT1 || key.state == TCP_FIN_WAIT2) &&
	    BPF_CORE_READ_BITFIELD_PROBED((const struct sock___tcp *)sk, sk_shutdown) & RCV_SHUTDOWN) {
		cpu->held_key = key;
		cpu->held_flow = flow;
		cpu->held_sk = (__u64)sk;
		return 0;
	}
	tcp_count(ctx, &key, &flow, task_holds(sk), 1);
	return 0;
}

/* Still with the state that the reset ends. */
SEC("raw_tp/tcp_receive_reset")
int BPF_PROG(receive_reset_raw, struct sock *sk)
{
	return received(ctx, sk);
}

SEC("fentry/tcp_reset")
int BPF_PROG(tcp_reset_fentry, struct sock *sk)
{
	return received(ctx, sk);
}

SEC("kprobe/tcp_reset")
int BPF_KPROBE(tcp_reset_kprobe, struct sock *sk)
{
	return received(ctx, sk);
}

/* Resets to sockets that are no full ones are in no tracepoint of TCP; the packet tells. */
static __always_inline int received_small(void *ctx, const struct sock *sk, const struct sk_buff *skb, __u8 state)
{
	struct tcp_key key = { .reason = NO_REASON, .kind = RECEIVED, .state = state };
	struct flow flow = {}, ours = {};

	flow_of_skb(&flow, skb);
	if (flow.protocol != IPPROTO_TCP || !(flow.tcp_flags & TCP_FLAG_RST))
		return 0;
	flow_of_answer(&ours, skb);
	ours.state = state;
	set_netns(&key, netns_of_skb(skb, sk));
	tcp_count(ctx, &key, &ours, false, 1);
	return 0;
}

/*
 * 6.11: the freed packet comes with its socket, which may be freed by now; its memory is not given to other types
 * (SLAB_TYPESAFE_BY_RCU), and the namespace is the packet's.
 */
SEC("tp_btf/kfree_skb")
int BPF_PROG(time_wait_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	struct closing *cpu;

	if (!rx_sk)
		return 0;
	if (rx_sk->__sk_common.skc_state == TCP_TIME_WAIT)
		return received_small(ctx, rx_sk, skb, TCP_TIME_WAIT);
	cpu = this_cpu();
	if (cpu && cpu->held_sk && cpu->held_sk == (__u64)rx_sk) {
		struct flow flow = {};

		flow_of_skb(&flow, skb);
		if (flow.tcp_flags & TCP_FLAG_RST)
			settle(ctx, cpu, NULL);
	}
	return 0;
}

SEC("fentry/tcp_timewait_state_process")
int BPF_PROG(time_wait_fentry, struct sock *tw, struct sk_buff *skb)
{
	return received_small(ctx, tw, skb, TCP_TIME_WAIT);
}

SEC("kprobe/tcp_timewait_state_process")
int BPF_KPROBE(time_wait_kprobe, struct sock *tw, struct sk_buff *skb)
{
	return received_small(ctx, tw, skb, TCP_TIME_WAIT);
}

/* tcp_check_req takes a reset that is in the window. */
static __always_inline int received_half_open(void *ctx, const struct sk_buff *skb, const struct sock *req)
{
	__u32 seq = BPF_CORE_READ(control_block(skb), seq);
	__u32 next = BPF_CORE_READ((const struct tcp_request_sock *)req, rcv_nxt);

	if (seq - next > BPF_CORE_READ(req, __sk_common.skc_rcv_wnd))
		return 0;
	return received_small(ctx, req, skb, TCP_SYN_RECV);
}

/* Of a bool only the lowest byte of its register is set. */
SEC("fentry/tcp_check_req")
int BPF_PROG(half_open_fentry, struct sock *sk, struct sk_buff *skb, struct sock *req, __u64 fastopen)
{
	return (__u8)fastopen ? 0 : received_half_open(ctx, skb, req);
}

SEC("kprobe/tcp_check_req")
int BPF_KPROBE(half_open_kprobe, struct sock *sk, struct sk_buff *skb, struct sock *req, __u64 fastopen)
{
	return (__u8)fastopen ? 0 : received_half_open(ctx, skb, req);
}

/* Keeps the state that a connection had when it was closed. */
SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(set_state_raw, struct sock *sk, int before, int after)
{
	struct closed *closed;
	struct closing *cpu;

	if (after != TCP_CLOSE)
		return 0;
	cpu = this_cpu();
	if (!cpu)
		return 0;
	if (cpu->held_sk && cpu->held_sk != (__u64)sk)
		settle(ctx, cpu, NULL);
	closed = task_holds(sk) ? &cpu->by_task : &cpu->by_softirq;
	closed->sk = (__u64)sk;
	closed->state = before;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
