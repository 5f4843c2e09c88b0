import { useState } from "preact/hooks";
import { Bar, Name, Num, Section, Severity, Table } from "../parts.jsx";
import { Chart } from "../chart.jsx";
import { Changes } from "./changes.jsx";
import { FindingList, findingsOf } from "./findings.jsx";
import { clean } from "../text.js";
import { bytes, clock, count, ms, percent, rate, unknown } from "../format.js";
import { useAsked } from "../ask.js";
import { query } from "../api.js";
import { state } from "../live.js";

const figures = [
  ["Connections", "connections", (s) => count(s.connections)],
  ["New", "new_per_second", (s) => rate(s.new_per_second)],
  ["Sent again", "retransmit_percent", (s) => percent(s.retransmit_percent)],
  ["RTT p50", "rtt", (s) => ms(s.rtt_p50_ms)],
  ["RTT p99", "rtt", (s) => ms(s.rtt_p99_ms)],
  ["Resets", "resets_per_second", (s) => rate(s.resets_per_second)],
  ["Drops", "drops_per_second", (s) => rate(s.drops_per_second)],
  ["Rcv-Q", "receive_queue_bytes", (s) => bytes(s.receive_queue_bytes)],
  ["Throttled", "throttled_percent", (s) => percent(s.throttled_percent)],
  ["In", "bytes_per_second", (s) => (s.bytes_in_per_second === null ? unknown : `${bytes(s.bytes_in_per_second)}/s`)],
  [
    "Out",
    "bytes_per_second",
    (s) => (s.bytes_out_per_second === null ? unknown : `${bytes(s.bytes_out_per_second)}/s`),
  ],
];

const origins = { backlog: "the program's own, of listen()", somaxconn: "net.core.somaxconn" };

function Listeners({ of }) {
  return (
    <Table
      label="listeners"
      empty="Nothing listens here."
      head={["Address", "Process", { text: "Waiting / limit" }, "Whose limit", { text: "Dropped", right: true }]}
    >
      {of.map((l) => (
        <tr>
          <th scope="row" class="whole">
            <code>
              {l.address === null || l.address === undefined
                ? l.port === null
                  ? "all listeners"
                  : `*:${l.port}`
                : `${l.address.includes(":") ? `[${clean(l.address)}]` : clean(l.address)}:${l.port}`}
            </code>
          </th>
          <td>
            {l.process ? (
              <>
                <Name of={l.process} most={30} /> <span class="note">{l.pid}</span>
              </>
            ) : (
              unknown
            )}
          </td>
          <td class="whole">
            <Num field="listener_worst">
              <Bar used={l.queue} limit={l.limit} label="accept queue" /> {count(l.queue)} / {count(l.limit)}
            </Num>
          </td>
          <td>{l.limit_origin ? clean(origins[l.limit_origin] ?? l.limit_origin) : unknown}</td>
          <td class="right">
            <Num field="listen_drops">{count(l.drops)}</Num>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Peers({ of }) {
  return (
    <Table
      label="peers"
      empty="No peer is known; it takes the probe flow."
      head={[
        "Peer",
        { text: "Connections", right: true },
        { text: "RTT", right: true },
        { text: "Sent again", right: true },
        "Failed",
      ]}
    >
      {of.map((p) => (
        <tr>
          <th scope="row">
            <Name of={p.address} most={60} />
            {p.port !== null && p.port !== undefined && p.port !== "" && <span class="port">:{clean(p.port, 20)}</span>}
          </th>
          <td class="right">{count(p.connections)}</td>
          <td class="right">{ms(p.rtt_ms)}</td>
          <td class="right">{count(p.retransmits)}</td>
          <td>
            {Object.entries(p.failed ?? {})
              .map(([e, n]) => `${clean(e, 40)} ${count(n)}`)
              .join(", ")}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** Where time goes: half of all by the dark part, all but one of a hundred by the whole. */
function Latency({ of }) {
  if (of.length === 0) return <p class="none">No waits were measured in that time.</p>;
  const most = Math.max(...of.map((l) => l.p99_ms ?? l.p50_ms ?? 0), 1e-9);
  return (
    <ul class="waterfall">
      {of.map((l) => (
        <li>
          <span class="station">{clean(l.station, 60)}</span>
          <span class="wait" role="img" aria-label={`half within ${ms(l.p50_ms)}, 99 % within ${ms(l.p99_ms)}`}>
            <span class="p99" style={{ width: `${(100 * (l.p99_ms ?? 0)) / most}%` }} />
            <span class="p50" style={{ width: `${(100 * (l.p50_ms ?? 0)) / most}%` }} />
          </span>
          <span class="right">
            {ms(l.p50_ms)} · {ms(l.p99_ms)} <span class="note">of {count(l.count)}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Events({ of }) {
  return (
    <Table label="events" empty="There was none of late." head={["Time", "Severity", "What"]}>
      {of.slice(0, 50).map((e) => (
        <tr>
          <td class="time">{clock(e.time)}</td>
          <td>
            <Severity of={e.severity} />
          </td>
          <td>
            <span class="message">{clean(e.message, 500)}</span> <code class="note">{clean(e.event, 60)}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const charted = [
  "netlens.tcp.retrans_segs",
  "netlens.packetloss.lost",
  "netlens.tcp.active_opens",
  "netlens.tcp.passive_opens",
  "netlens.tcp.out_rsts",
  "system.network.io",
];

/** What was looked at of each, for who comes back. */
const picked = new Map();

export function Subject({ id }) {
  const { data, problem, status } = useAsked(query(`subjects/${encodeURIComponent(id)}`, { window: state.window }));
  const known = state.overview.pods.find((p) => p.id === id);
  const findings = data?.findings ?? findingsOf(id, state.overview);
  // What is wrong is shown by the counters that prove it.
  const proving = findings.filter((f) => f.active).flatMap((f) => f.metrics ?? []);
  const [chosen, show] = useState(picked.get(id));
  const metric = chosen ?? { metric: proving[0] ?? charted[0], tags: {} };
  const setMetric = (its) => {
    picked.set(id, its);
    show(its);
  };
  const subject = data?.subject ?? known;
  if (!subject)
    return (
      <section>
        <h2 tabIndex={-1}>{status === 404 ? "It is gone" : problem ? "It could not be asked" : "Asking…"}</h2>
        <p>
          {status === 404 ? "Nothing of this name is on the node any more." : clean(problem)}{" "}
          <a href="#/">Back to the node</a>
        </p>
      </section>
    );
  const { collection, window_seconds: seconds } = state.overview;
  const compared = seconds !== null && collection.recorded_seconds > seconds;
  return (
    <>
      <nav class="crumbs" aria-label="where this is">
        <a href="#/">{clean(state.overview.node.name, 60)}</a> › <Name of={subject.name} most={60} />
      </nav>
      <Section
        id="subject"
        title={
          <>
            <Name of={subject.name} />{" "}
            <span class="kind">{subject.kind === "host" ? "the node itself" : subject.kind}</span>
          </>
        }
        note={
          <>
            {subject.netns_inode > 0 && (
              <>
                network namespace <code>{subject.netns_inode}</code>
              </>
            )}{" "}
            {subject.containers?.length > 0 && (
              <>
                containers{" "}
                {subject.containers.map((c) => (
                  <>
                    <Name of={c} most={40} />{" "}
                  </>
                ))}
              </>
            )}
          </>
        }
      >
        {problem && (
          <p class="problem" role="alert">
            {clean(problem)}
          </p>
        )}
        <dl class="tiles">
          {figures.map(([title, field, show]) => (
            <div>
              <dt>{title}</dt>
              <dd>
                <Num field={field}>{show(subject)}</Num>
              </dd>
            </div>
          ))}
        </dl>
      </Section>
      <Section
        id="findings"
        title="What is wrong"
        note={findings.length > 0 ? `${findings.filter((f) => f.active).length} now` : ""}
      >
        {findings.length === 0 ? (
          <p class="empty">
            <span class="tick" aria-hidden="true">
              ✓
            </span>{" "}
            Nothing that Netlens can see of it.
          </p>
        ) : (
          <FindingList findings={findings} pods={state.overview.pods} named={false} />
        )}
      </Section>
      {data && (
        <div class="columns">
          <Section id="listeners" title="Listeners">
            <Listeners of={data.listeners} />
          </Section>
          <Section id="peers" title="Peers">
            <Peers of={data.peers} />
          </Section>
          <Section id="latency" title="Where time goes" note="half, and 99 of 100">
            <Latency of={data.latency} />
          </Section>
          <Section id="changes" title="What changed" note={`the last ${state.window} s against what was before`}>
            <Changes
              changes={data.changes}
              compared={compared}
              onPick={(c) => {
                setMetric(c);
                document.getElementById("chart").scrollIntoView({ block: "nearest" });
              }}
            />
          </Section>
          <Section
            id="chart"
            class="both"
            title="Over the last hour"
            tools={
              <select
                aria-label="metric"
                value={metric.metric}
                onChange={(e) => setMetric({ metric: e.currentTarget.value, tags: {} })}
              >
                {[...new Set([metric.metric, ...proving, ...charted])].map((m) => (
                  <option>{m}</option>
                ))}
              </select>
            }
          >
            <Chart metric={metric.metric} tags={metric.tags} subject={id} />
          </Section>
          <Section id="events" class="both" title="Events" note="the newest first">
            <Events of={data.events} />
          </Section>
        </div>
      )}
    </>
  );
}
