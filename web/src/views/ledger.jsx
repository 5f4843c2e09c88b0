import { Num, Section } from "../parts.jsx";
import { clean } from "../text.js";
import { count, rate } from "../format.js";

function Stage({ title, value, lost: given, seconds, field }) {
  const lost = given ?? [];
  const all = lost.reduce((sum, l) => sum + l.packets, 0);
  return (
    <li class={`stage ${all > 0 ? "losing" : ""}`}>
      <span class="title">{title}</span>
      {value !== undefined && (
        <span class="value">
          <Num field={field}>{rate(value / seconds)}</Num>
        </span>
      )}
      {given && <span class="lost">{all > 0 ? <Num field="ledger_lost">−{rate(all / seconds)}</Num> : "no loss"}</span>}
      {lost.slice(0, 3).map((l) => (
        <span class="reason">
          <code>{clean(l.reason, 60)}</code> {count(l.packets)}
        </span>
      ))}
      {lost.length > 3 && <span class="reason">and {lost.length - 3} more</span>}
    </li>
  );
}

export function Ledger({ ledger: given }) {
  const ledger = Array.isArray(given) ? given[0] : given;
  if (!ledger) return null;
  const s = ledger.seconds || 1;
  const before = ledger.lost_before_ip ?? [];
  const by = (stage) => (ledger.lost_by ?? []).filter((l) => l.stage === stage);
  // What netfilter and sockets drop is told by the kernel's reasons alone.
  const told = (stage) => (by(stage).length > 0 || ledger.unexplained !== null ? by(stage) : undefined);
  const softnet = before.filter((l) => l.stage === "softnet");
  const nic = before.filter((l) => l.stage !== "softnet");
  const sentLost = ledger.sent_lost ?? [];
  const rest = [
    ["forwarded", ledger.forwarded],
    ["refused, with a word to the sender", ledger.refused],
    ["dropped in good order", ledger.orderly],
    ["put together of fragments", ledger.reassembled],
  ].filter(([, n]) => n > 0);
  return (
    <Section id="ledger" title="What becomes of packets" note={`of all namespaces, in ${count(s)} s`}>
      <div class="ways">
        <h3>In</h3>
        <ol class="way" aria-label="on the way in">
          <Stage title="NIC" lost={nic} seconds={s} />
          <Stage title="softnet" lost={softnet} seconds={s} />
          <Stage title="IP" value={ledger.received} field="ledger_received" lost={by("ip")} seconds={s} />
          <Stage title="netfilter" lost={told("netfilter")} seconds={s} />
          <Stage title="socket" lost={told("protocols")} seconds={s} />
          <Stage title="application" value={ledger.delivered} field="ledger_received" seconds={s} />
        </ol>
        <h3>Out</h3>
        <ol class="way back" aria-label="on the way out">
          <Stage title="application and socket" value={ledger.sent} field="ledger_received" seconds={s} />
          <Stage title="netfilter, qdisc, NIC" lost={sentLost} seconds={s} />
        </ol>
      </div>
      <p class="note">
        {rest.map(([what, n]) => `${count(n)} ${what}`).join(", ")}
        {rest.length > 0 && ". "}
        {ledger.unexplained === null
          ? "Who dropped what cannot be seen here."
          : ledger.unexplained > 0
            ? `${count(ledger.unexplained)} are unexplained.`
            : "None is unexplained."}
      </p>
    </Section>
  );
}
