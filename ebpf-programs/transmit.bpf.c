// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Packets on their way out: how long each took from its socket to the device, in the device's queue, and in its driver;
// the slow ones as events.
#include "sample.h"
#include "transmit.h"

#define TCQ_F_MQROOT 8 /* include/net/sch_generic.h: has a qdisc for each of the device's queues, and no queue itself */
#define NETDEV_TX_BUSY 0x10 /* include/linux/netdevice.h: the driver did not take it */
#define PURE_ACK 2 /* skb_set_tcp_pure_ack (include/net/tcp.h), as truesize */
#define TICK 10000000ULL /* ns, the longest that there is (CONFIG_HZ=100) */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct Qdisc {
	void *enqueue; /* NULL: noqueue */
	unsigned int flags;
};

struct net_device___out {
	struct Qdisc *qdisc;
};

struct sock___out {
	__u16 sk_protocol;
};

#pragma clang attribute pop

/* What one CPU knows: softirqs are off while a packet goes to a queue or a driver. */
struct transmit_cpu {
	/* The packet that came from a socket last: a device on top of another hands it on. */
	__u64 met;
	__u64 met_stamp;
	/* The kernel's tick, and the time at the first packet in it. */
	__u64 tick;
	__u64 time;
	/* The packet that is in a driver, which may have freed it when it returns. */
	__u64 given;
	__u64 given_at;
	__u64 given_to;
	struct transmit_device device;
	struct flow flow;
	__u32 ifindex;
};

PER_CPU(cpus, struct transmit_cpu, get_cpu)

/* A packet that a socket has sent. */
struct passage {
	const struct sk_buff *skb;
	const struct net_device *dev; /* the first one that it meets */
	const struct sock *sk;
	__u64 since; /* 0: nothing is to be told of it */
	__u32 protocol;
	__u32 weight; /* for how many it stands where it is slow */
	bool drawn; /* it is one of those that are measured */
};

/* Hidden: one copy for all programs, which the verifier looks at with what each has. */
__hidden __noinline int from_socket(void *ctx, const struct passage *passage)
{
	struct transmit_settings *config = get_settings();
	const struct net_device *dev = passage->dev;
	const struct sock *sk = passage->sk;
	__u64 now = bpf_ktime_get_ns(), duration = now - passage->since;
	struct transmit_socket_value *value;
	struct transmit_device device = {};

	/* One that is to leave later (EDT) came here before its time. */
	if (!config || passage->since > now || (!passage->drawn && duration <= config->least))
		return 0;
	/* Elsewhere it has been measured already. */
	if (BPF_CORE_READ(sk, __sk_common.skc_net.net) != BPF_CORE_READ(dev, nd_net.net))
		return 0;
	fill_device(&device, dev);
	value = value_of(&device, passage->protocol);
	if (!value)
		return 0;
	if (passage->drawn)
		histogram_add_atomic(&value->histogram, duration);
	if (duration > LEGACY_SLOW)
		add(&value->slow, passage->weight);
	if (duration > LEGACY_SLOWER)
		add(&value->slower, passage->weight);
	if (is_event(&value->limiter, config, STATION_SOCKET, device.rootless, duration, now)) {
		struct flow flow = {};

		flow_of_skb(&flow, passage->skb);
		report(ctx, STATION_SOCKET, &device, BPF_CORE_READ(dev, ifindex), &flow, duration, now);
	}
	return 0;
}

/* Requests and what is left of a connection are no sockets of which more could be read. */
static __always_inline bool is_of(const struct sock *sk, __u16 protocol)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state != TCP_NEW_SYN_RECV && state != TCP_TIME_WAIT &&
	       BPF_CORE_READ_BITFIELD_PROBED((const struct sock___out *)sk, sk_protocol) == protocol;
}

/*
 * The clock is read once in a tick, else only for what may be slow: most packets come here in the tick in which they
 * were stamped.
 */
static __always_inline bool may_be_slow(struct transmit_cpu *cpu, const struct transmit_settings *config, __u64 stamp)
{
	__u64 tick;

	if (!bpf_core_enum_value_exists(enum bpf_func_id___netlens, BPF_FUNC_jiffies64___netlens))
		return true;
	tick = bpf_jiffies64();
	if (cpu->tick != tick) {
		cpu->tick = tick;
		cpu->time = bpf_ktime_get_ns();
	}
	return cpu->time + TICK > stamp + config->least;
}

/*
 * TCP has written into each packet when it sent it. Not so into an acknowledgement that the application's reading
 * caused (tcp_cleanup_rbuf): it has the time of the last segment that was received.
 */
static __always_inline bool is_stamped(const struct passage *passage, const struct transmit_settings *config,
				       __u64 stamp, bool typed)
{
	const struct sk_buff *skb = passage->skb;
	struct transmit_cpu *cpu = get_cpu();

	if (!cpu || (cpu->met == (__u64)skb && cpu->met_stamp == stamp))
		return false;
	cpu->met = (__u64)skb;
	cpu->met_stamp = stamp;
	return (passage->drawn || may_be_slow(cpu, config, stamp)) &&
	       GET(typed, (const struct sk_buff___out *)skb, truesize) != PURE_ACK && is_of(passage->sk, IPPROTO_TCP);
}

/*
 * UDP has no stamps: it is noted where the socket gives a packet to the IP layer. Not so one with a time to leave at
 * (SO_TXTIME), which stands where TCP has its stamp.
 */
static __always_inline void sent(const struct sk_buff *skb)
{
	struct transmit_settings *config = get_settings();
	struct sight sight;

	if (!config || !sight_of(&sight, skb, NULL))
		return;
	sample_void(&sight);
	if (is_drawn(config->sample) && is_of(BPF_CORE_READ(skb, sk), IPPROTO_UDP) &&
	    !BPF_CORE_READ((const struct sk_buff___out *)skb, skb_mstamp_ns))
		sample_put(&sight, bpf_ktime_get_ns(), false);
}

/* Else it goes to the driver at once. */
static __always_inline bool has_queue(const struct net_device *dev, bool typed)
{
	const struct Qdisc *qdisc = GET(typed, (const struct net_device___out *)dev, qdisc);

	/* It is never NULL, which the verifier may want to hear. */
	barrier_var(qdisc);
	return qdisc && (GET(typed, qdisc, enqueue) || GET(typed, qdisc, flags) & TCQ_F_MQROOT);
}

/* At a device, about to be put into its queue if it has one. */
static __always_inline void queued(void *ctx, const struct sk_buff *skb, bool typed)
{
	struct transmit_settings *config = get_settings();
	struct passage passage = { .skb = skb, .dev = GET(typed, skb, dev), .sk = GET(typed, skb, sk) };
	__u64 stamp = GET(typed, (const struct sk_buff___out *)skb, skb_mstamp_ns);
	bool queue = has_queue(passage.dev, typed), drawn;
	struct sight sight = {};

	if (!config || (!passage.sk && !queue))
		return;
	drawn = passage.drawn = is_drawn(config->sample);
	passage.protocol = IPPROTO_TCP;
	passage.weight = 1;
	if (passage.sk && stamp && is_stamped(&passage, config, stamp, typed))
		passage.since = stamp;
	if (queue || !stamp)
		sight_of(&sight, skb, NULL);
	if (sight.pair && !stamp) {
		passage.since = sample_take(&sight, typed);
		/* A packet of another protocol in the place of one that was dropped. */
		if (passage.since && !is_of(passage.sk, IPPROTO_UDP))
			passage.since = 0;
		passage.protocol = IPPROTO_UDP;
		passage.weight = config->sample;
		passage.drawn = true;
	}
	if (passage.since)
		from_socket(ctx, &passage);
	if (!sight.pair)
		return;
	/* Two conditions that are made one are none to the verifiers of old kernels. */
	barrier_var(queue);
	if (!queue)
		return;
	/* UDP that has been given a time to leave at since it was noted (by tc): nobody takes it any more. */
	if (stamp)
		sample_void(&sight);
	sight.where = passage.dev;
	sample_void(&sight);
	if (drawn)
		sample_put(&sight, bpf_ktime_get_ns(), typed);
}

static __always_inline void count_slow(const struct transmit_device *device, __u32 station, __u32 weight)
{
	struct transmit_socket_value *value = value_of(device, 0);

	if (value)
		add(station == STATION_QUEUE ? &value->queue_slower : &value->driver_slower, weight);
}

/* What this CPU has noted of a packet: how long it was in the queue or in the driver. */
__hidden __noinline int at_device(void *ctx, __u32 station, __u64 since, __u64 now)
{
	struct transmit_device_value *none = get_fresh(), *value = NULL;
	struct transmit_settings *config = get_settings();
	struct transmit_cpu *cpu = get_cpu();

	if (!none || !config || !cpu || since > now)
		return 0;
	if (cpu->device.netns)
		value = lookup_or_share(&devices, &cpu->device, none, cpu->device.rootless, SHARE_OVERFLOW);
	if (!value) {
		lost(LOSS_ENTRY);
		return 0;
	}
	histogram_add_atomic(station == STATION_QUEUE ? &value->queue : &value->driver, now - since);
	if (now - since > LEGACY_SLOWER)
		count_slow(&cpu->device, station, config->sample);
	if (is_event(&value->limiter, config, station, cpu->device.rootless, now - since, now))
		report(ctx, station, &cpu->device, cpu->ifindex, &cpu->flow, now - since, now);
	return 0;
}

/* The driver is about to get it. */
static __always_inline void given(void *ctx, const struct sk_buff *skb, const struct net_device *dev, bool typed)
{
	struct transmit_cpu *cpu;
	struct sight sight;
	__u64 since = 0;

	if (has_queue(dev, typed) && sight_of(&sight, skb, dev))
		since = sample_take(&sight, typed);
	cpu = since ? get_cpu() : NULL;
	if (!cpu)
		return;
	__builtin_memset(&cpu->flow, 0, sizeof(cpu->flow));
	flow_of_skb(&cpu->flow, skb);
	fill_device(&cpu->device, dev);
	cpu->ifindex = BPF_CORE_READ(dev, ifindex);
	cpu->given_at = bpf_ktime_get_ns();
	cpu->given_to = (__u64)dev;
	cpu->given = (__u64)skb;
	at_device(ctx, STATION_QUEUE, since, cpu->given_at);
}

/* The driver is back; of the packet there may be nothing but its address. */
static __always_inline void done(void *ctx, const struct sk_buff *skb, int result, const struct net_device *dev)
{
	struct transmit_cpu *cpu = get_cpu();

	/* The device below one that hands the packet on is done before that. */
	if (!cpu || cpu->given != (__u64)skb || cpu->given_to != (__u64)dev)
		return;
	cpu->given = 0;
	if (result != NETDEV_TX_BUSY)
		at_device(ctx, STATION_DRIVER, cpu->given_at, bpf_ktime_get_ns());
}

TRACEPOINT(queue, net_dev_queue, queued(ctx, skb, typed), struct sk_buff *skb)

TRACEPOINT(start, net_dev_start_xmit, given(ctx, skb, dev, typed), struct sk_buff *skb, struct net_device *dev)

SEC("raw_tp/net_dev_xmit")
int BPF_PROG(xmit_raw, struct sk_buff *skb, int result, struct net_device *dev)
{
	done(ctx, skb, result, dev);
	return 0;
}

FUNCTION_ENTRY(v4_send, ip_send_skb, sent(skb), struct net *net, struct sk_buff *skb)

FUNCTION_ENTRY(v6_send, ip6_send_skb, sent(skb), struct sk_buff *skb)
