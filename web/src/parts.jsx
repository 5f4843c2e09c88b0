// Small parts that all views have in common.
import { useEffect, useRef, useState } from "preact/hooks";
import { fields } from "./fields.js";
import { state } from "./live.js";
import { clean } from "./text.js";
import { count } from "./format.js";

/** A name that comes from outside: as text, by itself in its line, and cut where it is long. */
export const Name = ({ of, most = 120 }) => (
  <bdi class="name" title={clean(of, 1000)}>
    {clean(of, most)}
  </bdi>
);

/** A number that says what is behind it: by the pointer, by touch, and in the list that the key i opens. */
export const Num = ({ field, metric, children, class: also = "" }) => (
  <span class={`num ${also}`} data-field={field} data-metric={metric}>
    {children}
  </span>
);

const severityWord = { error: "error", warn: "warning", info: "note" };

/** ERROR, WARN, INFO of events as a word of this page. */
export const level = (severity) => {
  const its = String(severity ?? "").toLowerCase();
  return its in severityWord ? its : "";
};

export const Severity = ({ of }) =>
  of ? <span class={`severity ${level(of)}`}>{severityWord[level(of)] ?? clean(of, 20)}</span> : null;

/** How full something is; beyond its end it is full. */
export function Bar({ used, limit, label }) {
  if (typeof used !== "number" || !limit) return null;
  const share = Math.min(1, used / limit);
  return (
    <span
      class={`bar ${share >= 0.9 ? "high" : share >= 0.7 ? "mid" : ""}`}
      role="img"
      aria-label={`${label ?? "used"}: ${Math.round(share * 100)} %`}
    >
      <span style={{ width: `${share * 100}%` }} />
    </span>
  );
}

export function Spark({ of }) {
  const values = of ?? [];
  const most = Math.max(...values.filter((v) => v !== null), 0);
  if (!(most > 0))
    return (
      <svg class="spark" viewBox="0 0 60 16" aria-hidden="true">
        <path d="M0 15.5H60" />
      </svg>
    );
  let path = "";
  let open = false;
  values.forEach((v, i) => {
    if (v === null) {
      open = false;
      return;
    }
    path += `${open ? "L" : "M"}${((60 * i) / Math.max(1, values.length - 1)).toFixed(1)} ${(15.5 - (15 * v) / most).toFixed(1)}`;
    open = true;
  });
  return (
    <svg class="spark high" viewBox="0 0 60 16" role="img" aria-label={`trouble per second, at most ${count(most)}`}>
      <path d={path} />
    </svg>
  );
}

export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    setDone((await put(text)) ? "Copied" : "Select it and copy");
    setTimeout(() => setDone(""), 2000);
  };
  return (
    <button type="button" class="copy" onClick={copy}>
      {done || label}
    </button>
  );
}

// By HTTP from another machine a browser has no clipboard of the newer kind.
async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function Section({ id, title, note, children, tools, class: also }) {
  return (
    <section id={id} class={also} aria-labelledby={`${id}-title`}>
      <div class="head">
        <h2 id={`${id}-title`} tabIndex={-1}>
          {title}
        </h2>
        {note && <span class="note">{note}</span>}
        {tools}
      </div>
      {children}
    </section>
  );
}

/** A table that scrolls within itself where it is wider than the page. */
export const Table = ({ label, head, children, empty }) => (
  <div class="scroll" tabIndex={0} role="group" aria-label={label}>
    <table>
      <thead>
        <tr>
          {head.map((h) => (
            <th scope="col" class={h.right ? "right" : ""}>
              {h.text ?? h}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {children?.length === 0 ? (
          <tr>
            <td colSpan={head.length} class="none">
              {empty}
            </td>
          </tr>
        ) : (
          children
        )}
      </tbody>
    </table>
  </div>
);

/** What is known of a metric. */
export function Metric({ name }) {
  const its = state.metrics?.get(name);
  return (
    <div class="metric">
      <code>{clean(name)}</code>
      {its && (
        <>
          <dl>
            {its.kernel && (
              <>
                <dt>kernel</dt>
                <dd>
                  <code>{clean(its.kernel)}</code>
                </dd>
              </>
            )}
            <dt>source</dt>
            <dd>{clean(its.source, 500)}</dd>
            <dt>unit</dt>
            <dd>{clean(its.unit)}</dd>
          </dl>
          {its.description && <p>{clean(its.description, 500)}</p>}
          <div class="promql">
            <code>{clean(its.promql, 500)}</code>
            <Copy text={its.promql} label="Copy PromQL" />
          </div>
        </>
      )}
    </div>
  );
}

export function Behind({ field, metric }) {
  const its = fields[field];
  return (
    <>
      {its && (
        <p class="what">
          <strong>{its.title}</strong>: {its.how}
        </p>
      )}
      {(its?.metrics ?? [metric]).map((m) => (
        <Metric key={m} name={m} />
      ))}
    </>
  );
}

/** The note that opens beside a number. */
export function Popover() {
  const [at, setAt] = useState(null);
  const box = useRef();
  useEffect(() => {
    let timer;
    const numberOf = (e) => e.target.closest?.("[data-field],[data-metric]");
    const show = (element) => {
      const r = element.getBoundingClientRect();
      setAt({
        field: element.dataset.field,
        metric: element.dataset.metric,
        left: r.left,
        top: r.top,
        bottom: r.bottom,
      });
    };
    const over = (e) => {
      clearTimeout(timer);
      const element = numberOf(e);
      if (element) timer = setTimeout(() => show(element), 350);
      else if (!box.current?.contains(e.target)) timer = setTimeout(() => setAt(null), 350);
    };
    const click = (e) => {
      const element = numberOf(e);
      if (element) show(element);
      else if (!box.current?.contains(e.target)) setAt(null);
    };
    const hide = () => setAt(null);
    const press = (e) => e.key === "Escape" && hide();
    document.addEventListener("pointerover", over);
    document.addEventListener("click", click);
    document.addEventListener("keydown", press);
    addEventListener("hashchange", hide);
    return () => {
      document.removeEventListener("pointerover", over);
      document.removeEventListener("click", click);
      document.removeEventListener("keydown", press);
      removeEventListener("hashchange", hide);
    };
  }, []);
  useEffect(() => {
    if (!at || !box.current) return;
    const { width, height } = box.current.getBoundingClientRect();
    box.current.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    box.current.style.top = `${at.bottom + height + 8 > innerHeight && at.top > height + 8 ? at.top - height - 6 : at.bottom + 6}px`;
  }, [at]);
  return (
    at && (
      <div class="popover" ref={box} role="dialog" aria-label="What this number is">
        <Behind field={at.field} metric={at.metric} />
      </div>
    )
  );
}

export function Dialog({ open, onClose, title, children }) {
  const box = useRef();
  useEffect(() => {
    if (open && !box.current.open) box.current.showModal();
    else if (!open && box.current.open) box.current.close();
  }, [open]);
  return (
    <dialog
      ref={box}
      onClose={onClose}
      aria-labelledby="dialog-title"
      onClick={(e) => e.target === box.current && box.current.close()}
    >
      {open && (
        <div class="inside">
          <div class="head">
            <h2 id="dialog-title">{title}</h2>
            <button type="button" class="close" onClick={() => box.current.close()}>
              Close
            </button>
          </div>
          {children}
        </div>
      )}
    </dialog>
  );
}
