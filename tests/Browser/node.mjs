// A node that answers as /api/v1 does, with what a test wants to be shown. The page itself comes from a running agent,
// through this.
import http from "node:http";

const random = (seed) => () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;

export function pod(i, more = {}) {
  const r = random(i * 7919 + 3);
  const inode = 4026532000 + i;
  return {
    id: `n${inode}`,
    kind: "pod",
    name: `shop/web-${i}`,
    pod: { name: `web-${i}`, namespace: "shop" },
    containers: ["nginx"],
    netns_inode: inode,
    connections: Math.floor(r() * 400),
    new_per_second: r() * 50,
    retransmit_percent: r() * 0.4,
    rtt_p50_ms: 0.2 + r(),
    rtt_p99_ms: 2 + r() * 30,
    resets_per_second: r() < 0.8 ? 0 : r() * 2,
    drops_per_second: r() < 0.85 ? 0 : r(),
    listener_worst: { port: 8080, used: Math.floor(r() * 20), limit: 128 },
    receive_queue_bytes: Math.floor(r() * 4000),
    throttled_percent: r() < 0.7 ? 0 : r() * 30,
    bytes_in_per_second: r() * 1e6,
    bytes_out_per_second: r() * 3e6,
    findings: 0,
    severity: null,
    spark: Array.from({ length: 60 }, (_, k) => (k < 4 ? null : Math.max(0, r() - 0.6))),
    ...more,
  };
}

export const host = {
  ...pod(1),
  id: "host",
  kind: "host",
  name: "host",
  pod: null,
  containers: [],
  netns_inode: 4026531840,
  connections: 42,
  listener_worst: null,
  throttled_percent: null,
  drops_per_second: 0,
  resets_per_second: 0,
  spark: [],
};

export function finding(number, more = {}) {
  return {
    number,
    kind: "accept-queue-overflow",
    severity: "ERROR",
    active: true,
    first: ago(95),
    last: ago(5),
    windows: 6,
    sentence:
      "nginx of shop/web-7 does not accept connections fast enough: its accept queue at :8080 is full (129 of 128), and 31 handshakes were dropped",
    detail: "Clients retry after 1, 3 and 7 seconds; those that give up see a time-out.",
    confidence: "own_counter",
    subject: {
      "netlens.scope": "namespace",
      "netlens.netns": "4026532007",
      "k8s.namespace.name": "shop",
      "k8s.pod.name": "web-7",
    },
    process: { pid: 4711, command: "nginx" },
    tuple: "10.0.0.7:8080",
    evidence: [
      { source: "sk_ack_backlog of :8080", value: "129 of 128" },
      { source: "TcpExt ListenOverflows", value: "+31 in 15 s" },
    ],
    metrics: ["netlens.tcpext.listen_overflows", "netlens.tcp.listen.dropped"],
    ruled_out: ["SYN cookies: none were sent"],
    not_seen: ["why the process does not call accept()"],
    knob: { name: "listen() backlog", now: "128", suggested: "1024", whose: "the program" },
    advice: "Make the program accept faster, or give listen() a larger backlog.",
    confirm: "ss -ltn 'sport = :8080'",
    docs: "docs/findings/accept-queue-overflow.md",
    ...more,
  };
}

export const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

export function overview(more = {}) {
  return {
    version: "0.1.0",
    time: ago(3),
    window_seconds: 60,
    node: {
      name: "node-1",
      kernel: "6.12.117",
      os: "Debian GNU/Linux 13",
      cpus: 8,
      uptime_seconds: 864123,
      boot_time: ago(864123),
    },
    agent: {
      version: "0.1.0",
      uptime_seconds: 7200,
      cpu_percent: 0.83,
      memory_bytes: 61_000_000,
      bpf_cpu_percent: 0.04,
    },
    collection: { time: ago(3), age_seconds: 3, interval_seconds: 15, duration_ms: 12.4, recorded_seconds: 3480 },
    blind: [],
    checked: { kinds: 77, observable: 77 },
    findings: [],
    ledger: ledger(),
    pods: [host, ...Array.from({ length: 12 }, (_, i) => pod(i + 2))],
    pods_left_out: 0,
    ...more,
  };
}

export function ledger(more = {}) {
  return {
    whose: "the node, all namespaces",
    subject: { "netlens.scope": "node" },
    seconds: 60,
    received: 1_204_331,
    delivered: 904_000,
    forwarded: 300_320,
    reassembled: 0,
    lost: 0,
    refused: 11,
    orderly: 0,
    unexplained: 0,
    lost_by: [],
    lost_before_ip: [],
    sent: 881_200,
    sent_lost: [],
    ...more,
  };
}

export const troubled = () =>
  overview({
    blind: [
      { what: "udpdrops", why: "needs kprobes, which this kernel does not have" },
      { what: "recorder", why: "keeps less than an hour: recorder.memory is 16 MiB" },
      { what: "probe flow", why: "off by configuration (probes.flow)", kind: "configuration" },
    ],
    checked: { kinds: 77, observable: 70 },
    findings: [
      finding(3),
      finding(4, {
        kind: "conntrack-full",
        severity: "ERROR",
        sentence: "The node's conntrack table is full (262144 of 262144): 212 packets were dropped",
        subject: { "netlens.scope": "node" },
        process: undefined,
        tuple: undefined,
      }),
      finding(5, {
        kind: "quota-throttled",
        severity: "WARN",
        sentence: "shop/web-3 was throttled in 41 % of its CPU periods; its latency follows",
        subject: { "netlens.netns": "4026532003", "k8s.namespace.name": "shop", "k8s.pod.name": "web-3" },
        consequence_of: 3,
      }),
      finding(1, {
        kind: "dns-slow",
        severity: "WARN",
        active: false,
        first: ago(1900),
        last: ago(1700),
        sentence: "DNS answers of kube-system/coredns-0 took up to 5 s",
      }),
    ],
    ledger: ledger({
      lost: 330,
      unexplained: 2,
      lost_by: [
        { reason: "netfilter", stage: "netfilter", packets: 212 },
        { reason: "SOCKET_RCVBUFF", stage: "protocols", packets: 80 },
        { reason: "ListenDrops", stage: "protocols", packets: 31 },
        { reason: "InNoRoutes", stage: "ip", packets: 7 },
      ],
      lost_before_ip: [
        { reason: "softnet dropped", stage: "softnet", packets: 12 },
        { reason: "rx_dropped, rx_missed_errors", stage: "nic", packets: 4 },
      ],
      sent_lost: [{ reason: "qdisc", packets: 55 }],
    }),
    pods: [
      host,
      pod(7, {
        findings: 1,
        severity: "ERROR",
        listener_worst: { port: 8080, used: 129, limit: 128 },
        retransmit_percent: 3.2,
        drops_per_second: 2.1,
        resets_per_second: 1.5,
      }),
      pod(3, { findings: 1, severity: "WARN", throttled_percent: 41 }),
      ...[2, 4, 5, 6, 8, 9].map((i) => pod(i)),
      pod(60, { kind: "namespace", name: "blue", pod: null, containers: [] }),
    ],
  });

export const hostile = () => {
  const names = [
    "<img src=x onerror=alert(1)>",
    "\u001b[31mred\u001b[0m\u0007",
    "x".repeat(4096),
    "abc\u202egnp.exe\u202c",
    '"><script>alert(1)</script>',
    "shop/шоп-🛒",
    "שלום/עולם",
    "&amp;lt;b&gt;",
  ];
  return overview({
    node: { ...overview().node, name: "<b>node</b>\u202e" },
    pods: [
      host,
      ...names.map((name, i) => pod(900 + i, { name, pod: { name, namespace: "<i>" }, containers: [name] })),
    ],
    findings: names.map((name, i) =>
      finding(i + 1, {
        sentence: `${name} did something`,
        detail: name,
        evidence: [{ source: name, value: name }],
        advice: name,
        confirm: name,
      }),
    ),
    blind: [{ what: "<u>x</u>", why: "\u001b[2J" }],
  });
};

export function subject(of) {
  return {
    subject: of,
    listeners: [
      {
        address: "0.0.0.0",
        port: 8080,
        pid: 4711,
        process: "nginx",
        queue: 129,
        limit: 128,
        limit_origin: "backlog",
        drops: 31,
      },
      {
        address: "::",
        port: 9090,
        pid: 4712,
        process: "metrics",
        queue: 0,
        limit: 4096,
        limit_origin: "somaxconn",
        drops: 0,
      },
      {
        address: null,
        port: null,
        pid: null,
        process: null,
        queue: null,
        limit: null,
        limit_origin: null,
        drops: null,
      },
    ],
    peers: [
      { address: "shop/db-0", port: "5432", connections: 40, rtt_ms: 0.4, retransmits: 2, failed: {} },
      {
        address: "2001:db8::17",
        port: "ephemeral",
        connections: 3,
        rtt_ms: 181.2,
        retransmits: 44,
        failed: { ECONNREFUSED: 3, ETIMEDOUT: 1 },
      },
    ],
    latency: [
      { station: "softirq wait", p50_ms: 0.02, p99_ms: 0.4, count: 90012 },
      { station: "socket to reader", p50_ms: 0.1, p99_ms: 12.5, count: 4100 },
      { station: "DNS answer", p50_ms: 1.1, p99_ms: 31, count: 102 },
    ],
    events: Array.from({ length: 12 }, (_, i) => ({
      seq: 100 - i,
      time: ago(i * 7),
      observed_time: ago(i * 7),
      event: "netlens.listenoverflow.drop",
      severity: i % 3 ? "WARN" : "ERROR",
      message: `${of.name}:8080 dropped a handshake from 10.0.0.${i}:4711: the accept queue is full (129 of 128)`,
      attributes: {},
    })),
    findings: of.findings > 0 ? [finding(3)] : [],
    changes: changes(),
  };
}

export const changes = () => [
  {
    metric: "netlens.tcpext.listen_overflows",
    kernel: "TcpExt ListenOverflows",
    source: "/proc/net/netstat",
    unit: "{connection}",
    tags: {},
    before_per_second: 0,
    now_per_second: 2.07,
    ratio: null,
    score: 99,
    subject: "n4026532007",
  },
  {
    metric: "netlens.tcp.retrans_segs",
    kernel: "Tcp RetransSegs",
    source: "/proc/net/snmp",
    unit: "{segment}",
    tags: {},
    before_per_second: 0.2,
    now_per_second: 9.1,
    ratio: 45.5,
    score: 61,
    subject: "n4026532007",
  },
  {
    metric: "system.network.packet.dropped",
    kernel: "rx_dropped",
    source: "rtnetlink",
    unit: "{packet}",
    tags: { "network.io.direction": "receive", "network.interface.name": "eth0" },
    before_per_second: 1.5,
    now_per_second: 0.4,
    ratio: 0.27,
    score: 8,
    subject: "host",
  },
];

export const metrics = () =>
  [
    ["netlens.tcp.retrans_segs", "RetransSegs", "/proc/net/snmp, Tcp", "{segment}", "counter", "Segments sent again."],
    [
      "netlens.tcp.segments",
      "InSegs, OutSegs",
      "/proc/net/snmp, Tcp",
      "{segment}",
      "counter",
      "Segments received and sent.",
    ],
    [
      "netlens.packetloss.lost",
      null,
      "tracepoint skb:kfree_skb",
      "{packet}",
      "counter",
      "Packets lost, for all reasons.",
    ],
    [
      "netlens.tcp.listen.queue.highest",
      "sk_ack_backlog",
      "sock_diag",
      "{connection}",
      "updowncounter",
      "Connections that wait to be accepted.",
    ],
    [
      "netlens.tcp.listen.queue.highest_limit",
      "sk_max_ack_backlog",
      "sock_diag",
      "{connection}",
      "updowncounter",
      "Connections that may wait.",
    ],
    [
      "netlens.tcpext.listen_overflows",
      "ListenOverflows",
      "/proc/net/netstat, TcpExt",
      "{connection}",
      "counter",
      "Handshakes dropped.",
    ],
    ["system.network.io", "rx_bytes, tx_bytes", "rtnetlink", "By", "counter", "Bytes, by device and direction."],
  ].map(([name, kernel, source, unit, kind, description]) => ({
    name,
    kernel,
    source,
    unit,
    kind,
    description,
    promql: `${kind === "counter" ? "rate(" : ""}${name.replaceAll(".", "_")}${kind === "counter" ? "_total[1m])" : ""}`,
  }));

export function series(metric) {
  const now = Math.floor(Date.now() / 1000);
  const times = Array.from({ length: 240 }, (_, i) => now - (240 - i) * 15);
  const r = random(metric.length);
  const lines =
    metric === "system.network.io"
      ? [{ "network.io.direction": "receive" }, { "network.io.direction": "transmit" }]
      : [{}];
  const { kernel, source, unit, kind, promql } = metrics().find((m) => m.name === metric) ?? metrics()[0];
  return {
    metric,
    kernel,
    source,
    unit,
    kind,
    promql,
    times,
    left_out: 0,
    series: lines.map((tags) => ({
      tags,
      values: times.map((_, i) => (i > 100 && i < 106 ? null : (i > 180 ? 20 : 3) * r())),
      total: kind === "counter" ? 1_204_331 : null,
    })),
  };
}

export const parts = () => ({
  cpus: Array.from({ length: 8 }, (_, i) => ({
    cpu: String(i),
    softirq_percent: [1, 4, 8, 31, 62, 91, 0.2, null][i],
    net_rx_per_second: 1000 * i,
    net_tx_per_second: 40,
    drops_per_second: i === 5 ? 3 : 0,
  })),
  devices: [
    {
      subject: "host",
      device: "eth0",
      up: true,
      speed_bps: 1e10,
      rx_bps: 4.2e9,
      tx_bps: 8.9e9,
      errors_per_second: 0,
      drops_per_second: 4,
      qdisc: "fq_codel",
      qdisc_drops_per_second: 1.2,
      backlog_bytes: 8000,
    },
    {
      subject: "host",
      device: "lo",
      up: true,
      speed_bps: null,
      rx_bps: 1e6,
      tx_bps: 1e6,
      errors_per_second: 0,
      drops_per_second: 0,
      qdisc: "noqueue",
      qdisc_drops_per_second: null,
      backlog_bytes: null,
    },
    {
      subject: "n4026532007",
      device: "eth0",
      up: false,
      speed_bps: 1e10,
      rx_bps: 0,
      tx_bps: 0,
      errors_per_second: 0,
      drops_per_second: 0,
      qdisc: "noqueue",
      qdisc_drops_per_second: 0,
      backlog_bytes: 0,
    },
  ],
  gauges: [
    { name: "conntrack", subject: "host", used: 250_000, limit: 262_144, seconds_to_full: 412 },
    { name: "neighbours v4", subject: "host", used: 80, limit: 1024, seconds_to_full: null },
    { name: "ports", subject: "n4026532007", used: 21_000, limit: 28_232, seconds_to_full: null },
  ],
  sysctls: [{ name: "net.core.somaxconn", value: "128", risk: "caps the backlog of every listener" }],
});

/** The server. `scene` is what it shows now; `asked` counts requests for the API. */
export class Node {
  scene = overview();
  asked = [];
  token = null;
  streams = new Set();
  full = false;
  /** It takes what is asked, and never answers. */
  hangs = false;

  /** @param page the URL of who has the page; @param prefix a path of a proxy, such as /node-1 */
  constructor(page, prefix = "") {
    this.page = page;
    this.prefix = prefix;
  }

  async start(port = 0) {
    this.server = http.createServer((request, response) => this.answer(request, response));
    await new Promise((done, failed) => this.server.once("error", failed).listen(port, "127.0.0.1", done));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}${this.prefix}/`;
    return this.url;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    this.streams.clear();
  }

  /** A collection. */
  push(scene = this.scene) {
    this.scene = scene;
    for (const stream of this.streams) stream.write(`event: overview\ndata: ${JSON.stringify(scene)}\n\n`);
  }

  answer(request, response) {
    if (!request.url.startsWith(`${this.prefix}/`)) return void response.writeHead(404).end();
    const url = new URL(request.url.slice(this.prefix.length), "http://node");
    if (!url.pathname.startsWith("/api/v1/")) return this.give(url, request, response);
    this.asked.push(url.pathname + url.search);
    if (this.hangs) return;
    const path = url.pathname.slice("/api/v1/".length);
    const json = (body, status = 200) =>
      response
        .writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" })
        .end(JSON.stringify(body));
    const text = (status, line) => response.writeHead(status, { "Content-Type": "text/plain" }).end(`${line}\n`);
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`)
      return text(401, "a bearer token is needed");
    if (path === "stream") {
      if (this.full) return text(503, "others look, which is the bound");
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      this.streams.add(response);
      request.on("close", () => this.streams.delete(response));
      return void response.write(`: hello\n\nevent: overview\ndata: ${JSON.stringify(this.scene)}\n\n`);
    }
    if (path === "overview") return json(this.scene);
    if (path === "metrics") return json(metrics());
    if (path === "node") return json(parts());
    if (path === "series") return json(series(url.searchParams.get("metric")));
    if (path === "changes")
      return json({
        from: url.searchParams.get("from"),
        to: url.searchParams.get("to"),
        before_from: ago(4000),
        changes: changes(),
      });
    const of = path.startsWith("subjects/") && this.scene.pods.find((p) => p.id === decodeURIComponent(path.slice(9)));
    return of ? json(subject(of)) : text(404, "there is no such subject");
  }

  give(url, request, response) {
    // By a connection of its own: of one that is kept, nobody knows whether the agent closes it just now.
    const headers = { ...request.headers, host: "localhost", connection: "close" };
    http
      .get(this.page + url.pathname, { headers, agent: false }, (from) => {
        response.writeHead(from.statusCode, from.headers);
        from.pipe(response);
      })
      .on("error", () => response.writeHead(502).end());
  }
}
