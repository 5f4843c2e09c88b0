import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Copy, Num } from "./parts.jsx";
import { tagsText } from "./views/changes.jsx";
import { clean } from "./text.js";
import { exact, inUnit } from "./format.js";
import { useAsked } from "./ask.js";
import { query } from "./api.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const lines = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

/** A metric of somebody over the last hour; dragging over it tells a window. */
export function Chart({ metric, subject, tags, window: chosen, onWindow, height = 200 }) {
  const tag = Object.entries(tags ?? {}).map(([k, v]) => `${k}:${v}`);
  const { data, problem } = useAsked(metric ? query("series", { metric, subject, tag, points: 300 }) : null);
  const place = useRef();
  const plot = useRef({ chart: null, shape: "" });
  const pick = useRef(onWindow);
  pick.current = onWindow;
  const placing = useRef(false);
  const perSecond = data?.kind === "counter";
  const unit = data?.unit;
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const forget = () => {
      plot.current.chart?.destroy();
      plot.current = { chart: null, shape: "" };
    };
    const size = new ResizeObserver(([its]) => plot.current.chart?.setSize({ width: its.contentRect.width, height }));
    size.observe(place.current);
    dark.addEventListener("change", forget);
    return () => {
      size.disconnect();
      dark.removeEventListener("change", forget);
      forget();
    };
  }, []);
  useEffect(() => {
    if (!data) return;
    const values = [data.times, ...data.series.map((s) => s.values)];
    const shape = JSON.stringify([metric, unit, data.series.map((s) => s.tags)]);
    if (plot.current.shape === shape) {
      plot.current.chart.setData(values);
      return;
    }
    plot.current.chart?.destroy();
    const axis = {
      stroke: colour("--dim"),
      grid: { stroke: colour("--edge"), width: 1 },
      ticks: { stroke: colour("--edge"), width: 1 },
    };
    const chart = new uPlot(
      {
        width: place.current.clientWidth,
        height,
        cursor: { drag: { x: true, y: false, setScale: false } },
        legend: { show: false },
        scales: { y: { range: (u, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.05] } },
        axes: [
          {
            ...axis,
            size: 34,
            values: (u, times) =>
              times.map((t) =>
                new Date(t * 1000).toLocaleTimeString([], {
                  hour12: false,
                  hour: "2-digit",
                  minute: "2-digit",
                  second: times.length > 1 && times[1] - times[0] < 60 ? "2-digit" : undefined,
                }),
              ),
          },
          {
            ...axis,
            size: 70,
            values: (u, ticks) => ticks.map((v) => inUnit(v, unit?.startsWith("{") ? "1" : unit, perSecond)),
          },
        ],
        series: [
          {},
          ...data.series.map((s, i) => ({
            label: clean(tagsText(s.tags) || metric, 60),
            stroke: colour(lines[i % lines.length]),
            width: 1.5,
            points: { show: false },
            spanGaps: false,
          })),
        ],
        hooks: {
          setSelect: [
            (u) => {
              if (u.select.width > 3 && !placing.current)
                pick.current?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
            },
          ],
        },
      },
      values,
      place.current,
    );
    plot.current = { chart, shape };
  }, [data]);
  // What was chosen stays where it was while time goes on.
  useEffect(() => {
    const { chart } = plot.current;
    if (!chart || !chosen) return;
    const [left, right] = chosen.map((t) => Math.max(0, Math.min(chart.over.clientWidth, chart.valToPos(t, "x"))));
    placing.current = true;
    chart.setSelect({ left, width: right - left, top: 0, height: chart.over.clientHeight }, false);
    placing.current = false;
  }, [data, chosen?.[0], chosen?.[1]]);
  const newest = data?.series.map((s) => s.values.findLast((v) => v !== null)) ?? [];
  return (
    <figure class="chart">
      <figcaption>
        {metric && (
          <Num metric={metric}>
            <code>{clean(metric)}</code>
          </Num>
        )}
        {data?.kernel && <span class="note">{clean(data.kernel)}</span>}
        {data && <Copy text={data.promql} label="Copy PromQL" />}
        {problem && (
          <span class="problem" role="alert">
            {clean(problem)}
          </span>
        )}
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={
          data ? `${metric} over time, newest ${newest.map((v) => inUnit(v, unit, perSecond)).join(", ")}` : "chart"
        }
      />
      {data &&
        (data.series.length === 0 ? (
          <p class="none">Nobody counted it in that time.</p>
        ) : (
          <ul class="legend">
            {data.series.slice(0, 20).map((s, i) => (
              <li>
                <span class={`swatch line-${(i % lines.length) + 1}`} />
                {clean(tagsText(s.tags) || "all", 80)}{" "}
                <span class="note">
                  {inUnit(newest[i], unit, perSecond)}
                  {exact(s.total) && (
                    <>
                      , <span class="total">{exact(s.total)}</span> in all
                    </>
                  )}
                </span>
              </li>
            ))}
            {data.left_out > 0 && <li class="note">{data.left_out} more are not drawn</li>}
          </ul>
        ))}
    </figure>
  );
}
