// What stands behind the numbers that are made of several: the metrics, by their names. Kernel name, source and unit of
// each come from /api/v1/metrics.
export const fields = {
  connections: {
    title: "Open TCP connections",
    how: "in the state established",
    metrics: ["system.network.connection.count"],
  },
  new_per_second: {
    title: "TCP connections made and taken per second",
    how: "growth of both counters, summed",
    metrics: ["netlens.tcp.active_opens", "netlens.tcp.passive_opens"],
  },
  retransmit_percent: {
    title: "TCP segments sent again, of those sent",
    how: "growth of the first by growth of the second",
    metrics: ["netlens.tcp.retrans_segs", "netlens.tcp.segments"],
  },
  rtt: {
    title: "Smoothed round-trip time of the open connections",
    how: "quantile of a histogram",
    metrics: ["netlens.tcp.connection.rtt"],
  },
  resets_per_second: {
    title: "TCP resets sent, and connections that were reset, per second",
    how: "growth of both counters, summed",
    metrics: ["netlens.tcp.out_rsts", "netlens.tcp.estab_resets"],
  },
  drops_per_second: {
    title: "Packets lost, and handshakes dropped, per second",
    how: "growth of the counters, summed",
    metrics: ["netlens.packetloss.drops", "netlens.tcpext.listen_drops"],
  },
  listener_worst: {
    title: "The listener whose accept queue is fullest",
    how: "waiting, and how many may",
    metrics: ["netlens.tcp.listen.queue.highest", "netlens.tcp.listen.queue.highest_limit"],
  },
  receive_queue_bytes: {
    title: "Bytes received that no program has read",
    how: "of TCP and UDP sockets",
    metrics: ["netlens.tcp.queue.usage", "netlens.udp.queue.usage"],
  },
  throttled_percent: {
    title: "Periods in which the CPU quota was used up",
    how: "growth of the first by growth of the second",
    metrics: ["netlens.throttling.throttled_periods", "netlens.throttling.periods"],
  },
  bytes_per_second: {
    title: "Bytes by its devices but lo, per second",
    how: "growth of the counter",
    metrics: ["netlens.netdev.io"],
  },
  softirq_percent: {
    title: "Time of a processor in softirqs",
    how: "growth of the counter",
    metrics: ["netlens.softirq.run.duration"],
  },
  net_rx: {
    title: "Receive softirqs per second",
    how: "growth of the count of the histogram",
    metrics: ["netlens.softirq.run.duration"],
  },
  cpu_drops: {
    title: "Packets dropped at a processor's full backlog per second",
    how: "growth of the counter",
    metrics: ["netlens.softnet.cpu.dropped"],
  },
  device_bits: {
    title: "Bits per second of a device",
    how: "eight times the growth of the counter",
    metrics: ["system.network.io"],
  },
  device_errors: {
    title: "Packets with errors per second",
    how: "growth of the counter",
    metrics: ["system.network.errors"],
  },
  device_drops: {
    title: "Packets that a device dropped per second",
    how: "growth of the counter",
    metrics: ["system.network.packet.dropped"],
  },
  qdisc_drops: {
    title: "Packets that a queueing discipline dropped per second",
    how: "growth of the counter",
    metrics: ["netlens.qdisc.packet.dropped"],
  },
  listen_drops: {
    title: "Packets dropped at a listener",
    how: "since the listener is known",
    metrics: ["netlens.tcp.listen.dropped"],
  },
  ledger_received: {
    title: "IP packets received, of all namespaces",
    how: "growth of the counter",
    metrics: ["netlens.ip.in_receives"],
  },
  ledger_lost: {
    title: "Packets lost, by reason",
    how: "growth of the counters",
    metrics: ["netlens.packetloss.drops", "netlens.softnet.dropped"],
  },
};
