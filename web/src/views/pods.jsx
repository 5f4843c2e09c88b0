import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Bar, Name, Num, Section, Severity, Spark, level } from "../parts.jsx";
import { bytes, count, ms, percent, rate } from "../format.js";

const rowHeight = 34;

const full = (p) => (p.listener_worst?.limit ? p.listener_worst.used / p.listener_worst.limit : -1);
const bad = (p) => (({ error: 1e6, warn: 1e5 })[level(p.severity)] ?? 0) + p.findings * 1000;
const trouble = (p) => bad(p) + (p.drops_per_second ?? 0) + (p.retransmit_percent ?? 0) + (p.resets_per_second ?? 0);

const columns = [
  { key: "name", title: "Pod or namespace", wide: true, value: (p) => p.name, text: true },
  { key: "findings", title: "Findings", value: trouble, field: null },
  { key: "connections", title: "Conn.", value: (p) => p.connections, show: count, field: "connections" },
  { key: "new", title: "New/s", value: (p) => p.new_per_second, show: count, field: "new_per_second" },
  {
    key: "retransmitted",
    title: "Retrans.",
    value: (p) => p.retransmit_percent,
    show: percent,
    field: "retransmit_percent",
    hot: 1,
  },
  { key: "p50", title: "RTT p50", value: (p) => p.rtt_p50_ms, show: ms, field: "rtt", less: true },
  { key: "p99", title: "RTT p99", value: (p) => p.rtt_p99_ms, show: ms, field: "rtt" },
  { key: "resets", title: "Resets", value: (p) => p.resets_per_second, show: rate, field: "resets_per_second" },
  {
    key: "drops",
    title: "Drops",
    value: (p) => p.drops_per_second,
    show: rate,
    field: "drops_per_second",
    hot: 1e-9,
  },
  { key: "listener", title: "Worst listener", value: full, field: "listener_worst" },
  { key: "queue", title: "Rcv-Q", value: (p) => p.receive_queue_bytes, show: bytes, field: "receive_queue_bytes" },
  {
    key: "throttled",
    title: "Throttled",
    value: (p) => p.throttled_percent,
    show: percent,
    field: "throttled_percent",
    hot: 5,
  },
  {
    key: "spark",
    title: "Trouble",
    value: (p) => Math.max(0, ...(p.spark ?? []).filter((v) => v !== null)),
    less: true,
  },
];

function Cell({ column, pod }) {
  const v = column.value(pod);
  switch (column.key) {
    case "name":
      return (
        <th scope="row" class="wide">
          <a href={`#/subject/${encodeURIComponent(pod.id)}`}>
            <Name of={pod.name} />
          </a>
          {pod.kind !== "pod" && <span class="kind">{pod.kind === "host" ? "the node itself" : pod.kind}</span>}
        </th>
      );
    case "findings":
      return (
        <td>
          {pod.findings > 0 ? (
            <>
              <Severity of={pod.severity} /> {pod.findings > 1 && pod.findings}
            </>
          ) : (
            ""
          )}
        </td>
      );
    case "listener": {
      const l = pod.listener_worst;
      return (
        <td>
          {l ? (
            <Num field="listener_worst">
              <span class="port">{l.port === null ? "all" : `:${l.port}`}</span>{" "}
              <Bar used={l.used} limit={l.limit} label="accept queue" /> {count(l.used)}/{count(l.limit)}
            </Num>
          ) : (
            ""
          )}
        </td>
      );
    }
    case "spark":
      return (
        <td class="less">
          <Spark of={pod.spark} />
        </td>
      );
    default:
      return (
        <td
          class={`right ${column.less ? "less" : ""} ${column.hot && v >= column.hot ? "hot" : ""} ${v === 0 ? "zero" : ""}`}
        >
          <Num field={column.field}>{column.show(v)}</Num>
        </td>
      );
  }
}

/** Kept over views. */
const choice = { key: "findings", down: true, filter: "" };

export const podKeys = { filter: () => {}, sort: () => {} };

export function Pods({ pods, leftOut }) {
  const [sort, setSort] = useState({ key: choice.key, down: choice.down });
  const [filter, setFilter] = useState(choice.filter);
  const [range, setRange] = useState([0, 40]);
  const box = useRef();
  const input = useRef();
  Object.assign(choice, sort, { filter });
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const column = columns.find((c) => c.key === sort.key);
    const found =
      words.length === 0
        ? [...pods]
        : pods.filter((p) =>
            words.every(
              (w) =>
                p.name.toLowerCase().includes(w) ||
                p.kind === w ||
                p.containers?.some((c) => String(c).toLowerCase().includes(w)) ||
                String(p.netns_inode) === w,
            ),
          );
    const way = sort.down ? -1 : 1;
    return found.sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      if (column.text) return way * (x < y ? -1 : x > y ? 1 : 0);
      return way * ((x ?? -1) - (y ?? -1)) || (a.name < b.name ? -1 : 1);
    });
  }, [pods, sort, filter]);
  const look = () => {
    if (!box.current) return;
    const { scrollTop, clientHeight } = box.current;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - 6);
    const last = first + Math.ceil(clientHeight / rowHeight) + 12;
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  // Before the next frame: a key that comes from another view is for this table.
  useLayoutEffect(() => {
    look();
    const watch = new ResizeObserver(look);
    watch.observe(box.current);
    podKeys.filter = () => {
      input.current?.focus();
      input.current?.select();
    };
    podKeys.sort = () =>
      setSort((s) => ({
        key: columns[(columns.findIndex((c) => c.key === s.key) + 1) % columns.length].key,
        down: true,
      }));
    return () => watch.disconnect();
  }, []);
  const first = Math.min(range[0], Math.max(0, rows.length - 1));
  const shown = rows.slice(first, range[1]);
  const choose = (key) => setSort((s) => ({ key, down: s.key === key ? !s.down : key !== "name" }));
  return (
    <Section
      id="pods"
      title="Pods and namespaces"
      note={`${rows.length === pods.length ? pods.length : `${rows.length} of ${pods.length}`}${leftOut > 0 ? `, ${leftOut} left out` : ""}`}
      tools={
        <input
          type="search"
          ref={input}
          class="filter"
          placeholder="Filter"
          aria-label="Filter pods"
          value={filter}
          onInput={(e) => {
            setFilter(e.currentTarget.value);
            box.current.scrollTop = 0;
          }}
          onKeyDown={(e) => e.key === "Escape" && (setFilter(""), e.currentTarget.blur())}
        />
      }
    >
      <div class="scroll pods" ref={box} onScroll={look} tabIndex={0} role="group" aria-label="pods and namespaces">
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((c) => (
                <th
                  scope="col"
                  class={`${c.wide ? "wide" : ""} ${c.less ? "less" : ""}`}
                  aria-sort={sort.key === c.key ? (sort.down ? "descending" : "ascending") : undefined}
                >
                  <button type="button" data-field={c.field} onClick={() => choose(c.key)}>
                    {c.title}
                    {sort.key === c.key && <span aria-hidden="true">{sort.down ? " ▾" : " ▴"}</span>}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 && (
              <tr aria-hidden="true" class="gap">
                <td colSpan={columns.length} style={{ height: `${first * rowHeight}px` }} />
              </tr>
            )}
            {shown.map((p, i) => (
              <tr key={p.id} aria-rowindex={first + i + 2}>
                {columns.map((c) => (
                  <Cell key={c.key} column={c} pod={p} />
                ))}
              </tr>
            ))}
            {first + shown.length < rows.length && (
              <tr aria-hidden="true" class="gap">
                <td
                  colSpan={columns.length}
                  style={{ height: `${(rows.length - first - shown.length) * rowHeight}px` }}
                />
              </tr>
            )}
            {rows.length === 0 && (
              <tr>
                <td colSpan={columns.length} class="none">
                  {filter ? "Nothing has that in its name." : "There is none."}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
