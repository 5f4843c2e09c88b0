import { useState } from "preact/hooks";
import { Section } from "../parts.jsx";
import { Chart } from "../chart.jsx";
import { Changes } from "./changes.jsx";
import { clean } from "../text.js";
import { clock, span } from "../format.js";
import { useAsked } from "../ask.js";
import { query } from "../api.js";
import { state } from "../live.js";

const kept = { metric: "netlens.tcp.retrans_segs", tags: {}, subject: null, window: null };

export function Timeline() {
  const { pods, time, collection } = state.overview;
  const host = pods.find((p) => p.kind === "host")?.id ?? pods[0]?.id ?? "host";
  const [shown, setShown] = useState({ ...kept, subject: kept.subject ?? host });
  const [typed, setTyped] = useState(shown.metric);
  Object.assign(kept, shown);
  const show = (change) => {
    setShown({ ...shown, ...change });
    if (change.metric) setTyped(change.metric);
  };
  const { window } = shown;
  const iso = (s) => new Date(s * 1000).toISOString();
  const { data, problem } = useAsked(
    window ? query("changes", { from: iso(window[0]), to: iso(window[1]) }) : null,
    true,
  );
  const now = Date.parse(time) / 1000;
  const last = (seconds) => show({ window: [now - seconds, now] });
  const metrics = state.metrics ? [...state.metrics.keys()] : [kept.metric];
  return (
    <Section id="timeline" title="The last hour" note={`${span(collection.recorded_seconds)} are kept`}>
      <form
        class="choices"
        onSubmit={(e) => {
          e.preventDefault();
          show({ metric: typed, tags: {} });
        }}
      >
        <label>
          Metric{" "}
          <input
            list="metrics"
            value={typed}
            spellcheck={false}
            onInput={(e) => {
              setTyped(e.currentTarget.value);
              if (state.metrics?.has(e.currentTarget.value)) show({ metric: e.currentTarget.value, tags: {} });
            }}
          />
        </label>
        <datalist id="metrics">
          {metrics.map((m) => (
            <option value={m} />
          ))}
        </datalist>
        <label>
          Of{" "}
          <select value={shown.subject} onChange={(e) => show({ subject: e.currentTarget.value })}>
            {pods.map((p) => (
              <option value={p.id}>{clean(p.name, 80)}</option>
            ))}
          </select>
        </label>
      </form>
      <Chart
        metric={shown.metric}
        tags={shown.tags}
        subject={shown.subject}
        height={240}
        window={window}
        onWindow={(from, to) => show({ window: [from, to] })}
      />
      <div class="choices">
        <span>Drag over the chart, or take the last</span>
        {[60, 300, 900].map((s) => (
          <button type="button" onClick={() => last(s)}>
            {span(s)}
          </button>
        ))}
      </div>
      {window && (
        <>
          <h3>
            {clock(window[0] * 1000)} to {clock(window[1] * 1000)}, against the time before
          </h3>
          {problem && (
            <p class="problem" role="alert">
              {clean(problem)}
            </p>
          )}
          {data ? (
            <Changes
              changes={data.changes}
              compared={data.before_from !== null}
              pods={pods}
              onPick={(c) => show({ metric: c.metric, tags: c.tags ?? {}, subject: c.subject ?? shown.subject })}
            />
          ) : (
            !problem && <p class="none">Comparing…</p>
          )}
        </>
      )}
    </Section>
  );
}
