import { Bar, Name, Num, Section, Table } from "../parts.jsx";
import { clean } from "../text.js";
import { bits, bytes, count, percent, rate, span, unknown } from "../format.js";
import { useAsked } from "../ask.js";
import { query } from "../api.js";
import { state } from "../live.js";

function Cpus({ of }) {
  if (of.length === 0) return <p class="none">Nothing is known of processors.</p>;
  return (
    <ul class="heat">
      {of.map((c) => {
        const share = Math.min(100, c.softirq_percent ?? 0);
        const heat = share >= 80 ? 4 : share >= 50 ? 3 : share >= 20 ? 2 : share >= 5 ? 1 : 0;
        return (
          <li class={`heat-${heat}`}>
            <span class="cpu">{c.cpu === "all" ? "all CPUs" : `CPU ${clean(c.cpu, 8)}`}</span>
            <span class="share">
              <Num field="softirq_percent">{percent(c.softirq_percent)}</Num>
            </span>
            <span class="less">
              <Num field="net_rx">{rate(c.net_rx_per_second)}</Num>
            </span>
            {c.drops_per_second > 0 && (
              <span class="hot">
                <Num field="cpu_drops">−{rate(c.drops_per_second)}</Num>
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

const worst = (d) => (d.drops_per_second ?? 0) + (d.qdisc_drops_per_second ?? 0) + (d.errors_per_second ?? 0);

function Devices({ of, names }) {
  const sorted = [...of].sort(
    (a, b) => worst(b) - worst(a) || (b.rx_bps ?? 0) + (b.tx_bps ?? 0) - (a.rx_bps ?? 0) - (a.tx_bps ?? 0),
  );
  const speeds = of.some((d) => d.speed_bps > 0);
  const hot = (v) => `right ${v > 0 ? "hot" : v === 0 ? "zero" : ""}`;
  return (
    <Table
      label="devices"
      empty="No device is known."
      head={[
        "Device",
        "Whose",
        "State",
        { text: "In", right: true },
        { text: "Out", right: true },
        ...(speeds ? ["Use"] : []),
        { text: "Errors", right: true },
        { text: "Drops", right: true },
        "Qdisc",
        { text: "Drops", right: true },
        { text: "Backlog", right: true },
      ]}
    >
      {sorted.slice(0, 100).map((d) => (
        <tr>
          <th scope="row">
            <Name of={d.device} most={20} />
          </th>
          <td>
            <a href={`#/subject/${encodeURIComponent(d.subject)}`}>
              <Name of={names.get(d.subject) ?? d.subject} most={40} />
            </a>
          </td>
          <td>
            {d.up === null ? unknown : d.up ? "up" : "down"}
            {d.speed_bps > 0 && <span class="note"> {bits(d.speed_bps)}</span>}
          </td>
          <td class="right">
            <Num field="device_bits">{bits(d.rx_bps)}</Num>
          </td>
          <td class="right">
            <Num field="device_bits">{bits(d.tx_bps)}</Num>
          </td>
          {speeds && (
            <td>
              <Bar
                used={d.rx_bps === null && d.tx_bps === null ? null : Math.max(d.rx_bps ?? 0, d.tx_bps ?? 0)}
                limit={d.speed_bps}
                label="of its speed"
              />
            </td>
          )}
          <td class={hot(d.errors_per_second)}>
            <Num field="device_errors">{rate(d.errors_per_second)}</Num>
          </td>
          <td class={hot(d.drops_per_second)}>
            <Num field="device_drops">{rate(d.drops_per_second)}</Num>
          </td>
          <td>{clean(d.qdisc ?? "", 20)}</td>
          <td class={hot(d.qdisc_drops_per_second)}>
            <Num field="qdisc_drops">{rate(d.qdisc_drops_per_second)}</Num>
          </td>
          <td class="right">{bytes(d.backlog_bytes)}</td>
        </tr>
      ))}
    </Table>
  );
}

const amount = (gauge, n) => (/memory/.test(gauge.name) ? bytes(n) : count(n));

function Gauges({ of, names }) {
  const share = (g) => (g.limit ? g.used / g.limit : 0);
  return (
    <Table
      label="limits"
      empty="No limit is known."
      head={["What", "Whose", "Use", { text: "Used / limit", right: true }, { text: "Full in", right: true }]}
    >
      {[...of]
        .sort((a, b) => share(b) - share(a))
        .slice(0, 60)
        .map((g) => (
          <tr>
            <th scope="row">{clean(g.name, 40)}</th>
            <td>
              <Name of={names.get(g.subject) ?? g.subject} most={40} />
            </td>
            <td>
              <Bar used={g.used} limit={g.limit} label={g.name} />
            </td>
            <td class="right">
              {amount(g, g.used)}
              {g.limit !== null && ` / ${amount(g, g.limit)}`}
            </td>
            <td class={`right ${g.seconds_to_full !== null && g.seconds_to_full < 3600 ? "hot" : ""}`}>
              {g.seconds_to_full === null || g.seconds_to_full === undefined ? "" : span(g.seconds_to_full)}
            </td>
          </tr>
        ))}
    </Table>
  );
}

export function Node() {
  const { data, problem } = useAsked(query("node", { window: state.window }));
  const names = new Map(state.overview.pods.map((p) => [p.id, p.name]));
  if (!data)
    return (
      <section>
        <h2 tabIndex={-1}>The node</h2>
        <p class="none">{problem ? clean(problem) : "Asking…"}</p>
      </section>
    );
  return (
    <>
      <Section id="cpus" title="Processors" note="time in softirqs, and how many of them received">
        <Cpus of={data.cpus} />
      </Section>
      <Section
        id="devices"
        title="Devices"
        note={data.devices.length > 100 ? `100 of ${data.devices.length + (data.devices_left_out ?? 0)}, the worst` : ""}
      >
        <Devices of={data.devices} names={names} />
      </Section>
      <div class="columns">
        <Section
          id="gauges"
          title="What can run full"
          note={data.gauges.length > 60 ? `60 of ${data.gauges.length + (data.gauges_left_out ?? 0)}, the fullest` : ""}
        >
          <Gauges of={data.gauges} names={names} />
        </Section>
        <Section id="sysctls" title="Settings at risk">
          <Table label="settings" empty="No finding names one." head={["Setting", "Value", "Why"]}>
            {data.sysctls.map((s) => (
              <tr>
                <th scope="row">
                  <code>{clean(s.name, 80)}</code>
                </th>
                <td>
                  <code>{clean(s.value ?? unknown, 80)}</code>
                </td>
                <td>{clean(s.risk, 300)}</td>
              </tr>
            ))}
          </Table>
        </Section>
      </div>
    </>
  );
}
