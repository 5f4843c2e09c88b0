import { Name, Num, Table } from "../parts.jsx";
import { clean } from "../text.js";
import { inUnit } from "../format.js";
import { state } from "../live.js";

const short = (key) =>
  key
    .split(".")
    .slice(key.endsWith(".name") ? -2 : -1)
    .join(".");

export const tagsText = (tags) =>
  Object.entries(tags ?? {})
    .map(([k, v]) => `${short(k)}=${v}`)
    .join(", ");

/** What is not what it was, the most striking first. */
export function Changes({ changes, onPick, pods, compared }) {
  const whose = pods && new Map(pods.map((p) => [p.id, p.name]));
  const counts = (c) => (state.metrics?.get(c.metric)?.kind ?? "counter") !== "gauge";
  return (
    <Table
      label="what changed"
      empty={compared ? "Nothing differs from before by more than chance." : "Too little is kept of the time before."}
      head={[
        "Counter",
        ...(whose ? ["Whose"] : []),
        { text: "before", right: true },
        { text: "now", right: true },
        { text: "factor", right: true },
      ]}
    >
      {changes.map((c) => (
        <tr>
          <th scope="row">
            <Num metric={c.metric}>
              {c.kernel ? <code>{clean(c.kernel, 80)}</code> : <code>{clean(c.metric, 80)}</code>}
            </Num>
            {Object.keys(c.tags ?? {}).length > 0 && <span class="tags"> {clean(tagsText(c.tags), 160)}</span>}
            {onPick && (
              <button type="button" class="pick" onClick={() => onPick(c)} aria-label={`Chart of ${c.metric}`}>
                chart
              </button>
            )}
          </th>
          {whose && (
            <td>
              {c.subject && (
                <a href={`#/subject/${encodeURIComponent(c.subject)}`}>
                  <Name of={whose.get(c.subject) ?? c.subject} most={40} />
                </a>
              )}
            </td>
          )}
          <td class="right">{inUnit(c.before_per_second, c.unit, counts(c))}</td>
          <td class="right">{inUnit(c.now_per_second, c.unit, counts(c))}</td>
          <td class="right">
            {c.ratio === null || c.ratio === undefined
              ? "new"
              : `× ${c.ratio >= 10 ? c.ratio.toFixed(0) : c.ratio.toFixed(2)}`}
          </td>
        </tr>
      ))}
    </Table>
  );
}
