// Numbers, short; "–" where one is not known, which is never 0.
export const unknown = "–";

const known = (x) => typeof x === "number" && Number.isFinite(x);
const digits = (x) => {
  const a = Math.abs(x);
  return a === 0
    ? "0"
    : a >= 100
      ? x.toFixed(0)
      : a >= 10
        ? x.toFixed(1)
        : a >= 0.1
          ? x.toFixed(2)
          : a >= 0.001
            ? x.toFixed(3)
            : "<0.001";
};
const trimmed = (s) => (s.includes(".") && !s.startsWith("<") ? s.replace(/\.?0+$/, "") : s);
const scaled = (x, base, units) => {
  let i = 0;
  while (Math.abs(x) >= base && i < units.length - 1) {
    x /= base;
    i++;
  }
  return `${trimmed(digits(x))}${units[i]}`;
};

export const count = (x) => (known(x) ? scaled(x, 1000, ["", " k", " M", " G", " T"]) : unknown);
export const bytes = (x) => (known(x) ? scaled(x, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]) : unknown);
export const bits = (x) =>
  known(x) ? scaled(x, 1000, [" bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s"]) : unknown;
export const percent = (x) => (known(x) ? `${trimmed(digits(x))} %` : unknown);
export const rate = (x) => (known(x) ? `${count(x)}/s` : unknown);
export const ms = (x) =>
  known(x) ? (x >= 10000 ? `${trimmed(digits(x / 1000))} s` : `${trimmed(digits(x))} ms`) : unknown;

export function span(seconds) {
  if (!known(seconds)) return unknown;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** All digits of it, as the kernel's own tools print them; nothing where it is not known. */
export const exact = (x) => (known(x) ? String(Number(x.toFixed(3))) : "");

/** A value of a metric, in its UCUM unit. */
export function inUnit(x, unit, perSecond) {
  if (!known(x)) return unknown;
  const base = String(unit ?? "").replace(/\/s$/, "");
  const text =
    base === "By"
      ? bytes(x)
      : base === "s" && !perSecond
        ? ms(x * 1000)
        : base === "%"
          ? percent(x)
          : base === "1" || base === ""
            ? count(x)
            : `${count(x)} ${base.replace(/[{}]/g, "")}`;
  return perSecond ? `${text}/s` : text;
}

export function clock(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? unknown : date.toLocaleTimeString([], { hour12: false });
}
